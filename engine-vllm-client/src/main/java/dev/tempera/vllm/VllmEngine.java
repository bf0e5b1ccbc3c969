package dev.tempera.vllm;

import dev.tempera.SamplingParameters;
import dev.tempera.TemperaException;
import dev.tempera.engine.ChatTemplate;
import dev.tempera.engine.Generation;
import dev.tempera.engine.GenerationChunk;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationPlan;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.TokenDecoder;
import dev.tempera.engine.TokenStream;
import dev.tempera.engine.Tokenizer;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Generates on one or more vLLM servers.
 *
 * <pre>{@code
 * try (VllmEngine engine = VllmEngine.builder(URI.create("http://localhost:8000")).open()) {
 *     GenerationRequest request = GenerationRequest.of(Prompt.chat("Hello"), parameters);
 *     try (TokenStream stream = engine.stream(request)) {
 *         while (stream.hasNext()) {
 *             System.out.print(stream.next().text());
 *         }
 *     }
 * }
 * }</pre>
 *
 * <p>What the server's own sampler does in the order of the pipeline is handed over to it; every parameter that has a
 * meaning is sent, so that the server's {@code generation_config.json} changes nothing. {@link #plan} says for every
 * stage where it runs and how exactly; what cannot run is refused before anything is sent.
 *
 * <p>With a tokenizer ({@link VllmEngineBuilder#tokenizer}) token ids go out and come back, and the text is decoded here;
 * without one it is the server's. A seed that is not given is not made up: the server draws as it likes, and
 * {@link GenerationResult#effectiveParameters} has none.
 *
 * <p>A request is sent when its stream is opened; whatever the server then says, or fails to say, is told when the stream
 * is read. Streams are pulled, and no thread stands behind them: one that is not read makes the server wait in the end.
 * A failure is a {@link VllmException} with its reason and what had come before. An interrupt of the reading thread
 * cancels the generation, and stays set.
 *
 * <p>Thread-safe. {@link #close} ends running generations.
 */
public final class VllmEngine implements GenerationEngine {
    /** What the builder chose; {@code ownTransport} is closed with the engine. */
    record Choices(
            @Nullable Tokenizer tokenizer,
            @Nullable ChatTemplate template,
            Timeouts timeouts,
            Retries retries,
            boolean resume,
            @Nullable Stepwise stepwise,
            int concurrency,
            @Nullable BiConsumer<String, String> tap,
            @Nullable Executor executor,
            @Nullable Transport ownTransport) {}

    /** Shorter than at the start, because other servers' checks wait for it. */
    private static final Duration PROBE_OF_RETURNING = Duration.ofSeconds(10);

    private final Fleet<Server> fleet;
    private final Capabilities capabilities;
    private final Choices choices;
    private final Planner planner;
    private final Prompts prompts;
    private final EventStream.Settings events;
    private final Background background;
    private final Set<Running> running = ConcurrentHashMap.newKeySet();
    private final @Nullable StepwiseStreams stepwise;
    private volatile boolean closed;

    private VllmEngine(Fleet<Server> fleet, Capabilities capabilities, Choices choices) {
        this.fleet = fleet;
        this.capabilities = capabilities;
        this.choices = choices;
        planner = new Planner(
                capabilities, new Planner.Client(choices.tokenizer, choices.template != null, choices.stepwise));
        prompts = new Prompts(choices.tokenizer, choices.template);
        List<String> models =
                capabilities.models().stream().map(Capabilities.ServedModel::id).toList();
        events = new EventStream.Settings(fleet, choices.retries, choices.tap, models);
        background = new Background(choices.executor);
        stepwise = choices.tokenizer == null
                ? null
                : new StepwiseStreams(capabilities, choices.tokenizer, events, () -> closed);
    }

    /** The address as of the server itself, {@code http://localhost:8000}; of several servers, each may be chosen. */
    public static VllmEngineBuilder builder(URI first, URI... more) {
        return new VllmEngineBuilder(first, more);
    }

    /** @param probe asks a server, each request at most so long */
    static VllmEngine connect(
            List<Server> servers,
            FleetOptions options,
            BiFunction<Server, Duration, Capabilities> probe,
            Choices choices) {
        List<Capabilities> found = new ArrayList<>();
        Map<Server, VllmException> down = new LinkedHashMap<>();
        for (Server server : servers) {
            try {
                found.add(probe.apply(server, choices.timeouts.firstToken()));
            } catch (VllmException e) {
                // A server that is down may come back; one that is another's will not change.
                if (servers.size() == 1 || !e.isRetryable() && e.reason() != Reason.FIRST_TOKEN_TIMEOUT) {
                    throw e;
                }
                down.put(server, e);
            }
        }
        Capabilities common =
                found.stream().reduce(Agreement::both).orElseThrow(() -> Agreement.allDown(List.copyOf(down.values())));
        Fleet<Server> fleet = new Fleet<>(
                servers, options, server -> Agreement.require(common, probe.apply(server, PROBE_OF_RETURNING)));
        down.forEach(fleet::takeOut);
        return new VllmEngine(fleet, common, choices);
    }

    @Override
    public String model() {
        return capabilities.model();
    }

    /** What the server can do; of several, what all of them can. */
    public Capabilities capabilities() {
        return capabilities;
    }

    /** How the servers are, in the order in which they were given. */
    public List<ServerStatus> servers() {
        return fleet.status();
    }

    Fleet<Server> fleet() {
        return fleet;
    }

    @Override
    public GenerationPlan plan(GenerationRequest request) {
        return withResumption(planner.plan(request)).plan();
    }

    /** Adds what happens if the connection breaks. */
    private Planned withResumption(Planned planned) {
        if (!choices.resume || planned.stepwise() != null) {
            return planned; // a step is asked for again, as any request is before its first token
        }
        String obstacle = Resumption.obstacle(planned);
        List<GenerationPlan.Stage> stages = new ArrayList<>(planned.plan().stages());
        stages.add(new GenerationPlan.Stage(
                "resume",
                GenerationPlan.Placement.CLIENT_SIDE,
                obstacle.isEmpty()
                        ? "after a broken connection, from the ids received"
                        : "not after a broken connection, which will be a failure; " + obstacle,
                true,
                ""));
        return planned.withPlan(new GenerationPlan(stages));
    }

    /**
     * {@inheritDoc} Does not wait for the server, save to have a conversation rendered ({@link ChatRendering#SERVER} with
     * a tokenizer), and for room where {@link FleetOptions} sets a limit.
     */
    @Override
    public TokenStream stream(GenerationRequest request) {
        return stream(request, choices.timeouts);
    }

    /** With timeouts of its own; that of connecting stays the engine's. */
    public TokenStream stream(GenerationRequest request, Timeouts timeouts) {
        requireOpen();
        Planned planned = withResumption(planner.plan(request));
        planned.requireRunnable();
        Stepwise how = planned.stepwise();
        if (how != null && stepwise != null) {
            StepwiseStream steps =
                    stepwise.open(planned, how, prepare(planned, timeouts).ids(), timeouts, running::remove);
            running.add(steps);
            return steps;
        }
        return open(planned, timeouts);
    }

    private VllmTokenStream open(Planned planned, Timeouts timeouts) {
        Call call = new Call(planned, prepare(planned, timeouts));
        VllmTokenStream stream = new VllmTokenStream(
                call.events(call.sendable, "", timeouts),
                () -> closed,
                choices.resume && Resumption.obstacle(planned).isEmpty() ? call.continuation(timeouts) : null,
                choices.retries.attempts() - 1,
                running::remove);
        running.add(stream);
        Double maxTime = planned.request().parameters().maxTime();
        stream.start(
                receiver(call, stream, call.effective()),
                maxTime == null ? null : Duration.ofNanos((long) (maxTime * 1e9)));
        if (closed) {
            stream.abort();
        }
        return stream;
    }

    /**
     * Generates several texts for one prompt by one request, which reads the prompt once. With a seed, the text of index i
     * has {@code seed + i}, as its result says. Of a text that is cut here (a stop pattern), what the server generates on is
     * not read. The listener is told of each text.
     *
     * @param n how many; more than one needs a temperature above 0
     * @return as many results, in the order of the server's choices
     * @throws VllmException if the request fails: all texts then do; with the partial result of the first
     */
    public List<GenerationResult> generate(GenerationRequest request, int n) {
        if (n == 1) {
            return List.of(generate(request));
        }
        requireOpen();
        Planned planned = planner.plan(request, n);
        planned.requireRunnable();
        Call call = new Call(planned, prepare(planned, choices.timeouts));
        ManyTexts texts = new ManyTexts(call.events(call.sendable, "", choices.timeouts), () -> closed);
        List<ManyTexts.Kept> kept = new ArrayList<>();
        List<Receiver> receivers = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            kept.add(new ManyTexts.Kept());
            SamplingParameters effective = call.effective();
            Long seed = effective.seed();
            receivers.add(receiver(
                    call,
                    kept.get(i),
                    seed == null
                            ? effective
                            : effective.toBuilder().seed(seed + i).build()));
        }
        running.add(texts);
        try {
            texts.read(receivers);
        } finally {
            running.remove(texts);
        }
        return kept.stream().map(ManyTexts.Kept::result).toList();
    }

    /**
     * Generates without a thread of the caller's, see {@link VllmEngineBuilder#executor}. To cancel the future cancels the
     * generation.
     */
    public CompletableFuture<GenerationResult> generateAsync(GenerationRequest request) {
        requireOpen();
        CompletableFuture<GenerationResult> future = new CompletableFuture<>();
        background.run(() -> {
            if (future.isDone()) {
                return;
            }
            try (TokenStream stream = stream(request)) {
                future.whenComplete((result, failure) -> stream.cancel());
                future.complete(stream.result());
            } catch (Throwable e) {
                future.completeExceptionally(e);
            }
        });
        return future;
    }

    /**
     * Chunks for subscribers, each of which has a generation of his own that begins when he asks for the first chunk, and
     * waits when he asks for no more. To cancel the subscription cancels the generation; the result comes by the
     * request's listener. See {@link VllmEngineBuilder#executor} for the threads.
     */
    public Flow.Publisher<GenerationChunk> publish(GenerationRequest request) {
        return new ChunkPublisher(() -> stream(request), background);
    }

    /**
     * As many at a time as {@link VllmEngineBuilder#concurrency} says. An interrupt ends all, is thrown as a {@link
     * TemperaException}, and stays set.
     */
    @Override
    public List<GenerationResult> generateAll(List<GenerationRequest> requests) {
        requireOpen();
        requests.forEach(request -> planner.plan(request).requireRunnable());
        return new Together(this::stream, requests, background).generate(choices.concurrency);
    }

    /** One request ready to be sent. */
    private final class Call {
        private final Planned planned;
        private final Prompts.Ready prompt;
        private final SendableRequest sendable;
        private final String requestId;
        private final long start = System.nanoTime();

        Call(Planned planned, Prompts.Ready prompt) {
            this.planned = planned;
            this.prompt = prompt;
            SendableRequest complete = planned.toSend(prompt.body(), prompt.tokens());
            sendable = new SendableRequest(
                    complete.route(), complete.sampling(), answerFields(complete), complete.prompt());
            String given = planned.request().engineOptions().requestId();
            requestId = given == null ? Server.newRequestId() : given;
        }

        private SortedMap<String, Object> answerFields(SendableRequest complete) {
            SortedMap<String, Object> other = new TreeMap<>(complete.other());
            if (planned.streamed()) {
                other.put("stream", true);
                other.put("stream_options", Map.of("include_usage", true));
            }
            // Asked for ids, completions leave the echo out.
            boolean echo = complete.route() == Route.COMPLETIONS
                    && Boolean.TRUE.equals(complete.other().get("echo"));
            if (complete.route() != Route.GENERATE && capabilities.returnsTokenIds() && !echo) {
                other.put("return_token_ids", true);
            }
            // Two tokens may have one text, and completions list candidates by text.
            if (complete.route() == Route.COMPLETIONS && planned.request().logprobs() != null) {
                other.put("return_tokens_as_token_ids", true);
            }
            return other;
        }

        SamplingParameters effective() {
            return planned.effective(prompt.tokens());
        }

        EventStream events(SendableRequest request, String idSuffix, Timeouts timeouts) {
            Map<String, String> headers = new TreeMap<>();
            String session = planned.request().engineOptions().sessionId();
            if (session != null) {
                headers.put("X-Session-ID", session);
            }
            EventStream.Sent sent = new EventStream.Sent(
                    request.route(),
                    RequestBody.of(request),
                    String.valueOf(request.other().get("model")),
                    requestId + idSuffix,
                    headers,
                    Affinity.of(planned.request()));
            return new EventStream(events, sent, timeouts, start);
        }

        VllmTokenStream.Continuation continuation(Timeouts timeouts) {
            return (received, time) -> {
                SendableRequest rest = Resumption.rest(sendable, prompt.ids(), received);
                return rest == null ? null : events(rest, "-" + time, timeouts);
            };
        }
    }

    private Prompts.Ready prepare(Planned planned, Timeouts timeouts) {
        if (!prompts.needServer(planned)) {
            return prompts.prepare(planned, null, timeouts.firstToken());
        }
        List<Server> tried = new ArrayList<>();
        while (true) {
            try (Fleet<Server>.Lease lease = fleet.choose(Affinity.of(planned.request()), tried)) {
                try {
                    return prompts.prepare(planned, lease.server(), timeouts.firstToken());
                } catch (VllmException e) {
                    lease.failed(e);
                    tried.add(lease.server());
                    if (!e.isRetryable() || !fleet.hasOther(tried)) {
                        throw e;
                    }
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new VllmException(Reason.CONNECTION, "interrupted before the request was sent", e);
            }
        }
    }

    private Receiver receiver(Call call, Generation.Output output, SamplingParameters effective) {
        GenerationRequest request = call.planned.request();
        Tokenizer tokenizer = choices.tokenizer;
        TokenDecoder decoder = call.planned.tokenNative() && tokenizer != null ? tokenizer.decoder() : null;
        Generation.Settings settings = new Generation.Settings(
                request,
                call.planned.plan(),
                effective,
                Math.max(0, call.prompt.tokens()),
                Set.of(), // the server ends at stop tokens, and at the length limit
                Integer.MAX_VALUE,
                model());
        Generation generation = new Generation(settings, decoder == null ? ServerText.DECODER : decoder, output);
        if (capabilities.logprobsStage() != null) {
            generation.logprobsStage(capabilities.logprobsStage());
        }
        boolean includeStop = Boolean.TRUE.equals(request.parameters().includeStopStrInOutput());
        return new Receiver(generation, tokenizer, decoder, request.logprobs(), includeStop);
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the engine is closed");
        }
    }

    /** Does not end running generations at once if they do not wait for the server: their readers end them. */
    @Override
    public void close() {
        closed = true;
        running.forEach(Running::abort);
        fleet.close();
        background.close();
        if (choices.ownTransport != null) {
            choices.ownTransport.close();
        }
    }
}
