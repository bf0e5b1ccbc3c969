package dev.tempera.vllm;

import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.Generation;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.Tokenizer;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** Starts generations whose processors run here. Thread-safe. */
final class StepwiseStreams {
    private final Capabilities server;
    private final Tokenizer tokenizer;
    private final EventStream.Settings settings;
    private final BooleanSupplier engineClosed;
    private final Map<String, Set<Integer>> endTokens = new ConcurrentHashMap<>(); // by model

    StepwiseStreams(
            Capabilities server, Tokenizer tokenizer, EventStream.Settings settings, BooleanSupplier engineClosed) {
        this.server = server;
        this.tokenizer = tokenizer;
        this.settings = settings;
        this.engineClosed = engineClosed;
    }

    /**
     * Starts one. The first for each model asks for the model's end tokens before it.
     *
     * @param how {@link Planned#stepwise}, not null
     * @param ended is told once nothing more is to be asked for
     * @throws VllmException if the server fails, for instance
     */
    StepwiseStream open(
            Planned planned, Stepwise how, List<Integer> prompt, Timeouts timeouts, Consumer<Running> ended) {
        GenerationRequest request = planned.request();
        EngineOptions options = request.engineOptions();
        Map<String, String> headers = new TreeMap<>();
        if (options.sessionId() != null) {
            headers.put("X-Session-ID", options.sessionId());
        }
        String id = options.requestId() == null ? Server.newRequestId() : options.requestId();
        ServerAsker asker = new ServerAsker(settings, timeouts, id, headers, Affinity.of(request));
        Integer maxTokens = planned.maxTokens(prompt.size());
        if (maxTokens == null) {
            throw new InvalidParametersException("max_tokens must be set: the length of the context is not known");
        }
        List<Integer> negative = request.isGuided() ? negative(request, prompt) : null;
        Integer context = planned.contextLength();
        if (negative != null && context != null) {
            maxTokens = Math.min(maxTokens, Limits.room(negative.size(), context, server.model()));
        }
        Set<Integer> stops = stops(asker, planned);
        long seed = seed(request.parameters());
        Generation.Settings generation = new Generation.Settings(
                request,
                planned.plan(),
                planned.effective(prompt.size()).toBuilder().seed(seed).build(),
                prompt.size(),
                stops,
                maxTokens,
                server.model());
        int candidates = StepwiseView.candidates(how, server, tokenizer.size(), planned.route());
        ServerSteps steps = new ServerSteps(
                asker,
                planned,
                candidates,
                StepwiseView.asked(candidates, server, tokenizer.size(), planned.route()),
                tokenizer);
        SamplingPipeline pipeline = request.pipeline();
        SequenceSampler sampler =
                pipeline.start(ints(prompt), tokenizer.vocabulary(tokenizer.size()), ints(stops), seed);
        boolean logits = StepwiseView.logits(server);
        Draft draft = Draft.of(pipeline, candidates, StepwiseView.raw(server));
        StepwiseDecoder decoder = new StepwiseDecoder(steps, sampler, draft, how.draft(), tokenizer.size(), negative);
        StepwiseStream stream =
                new StepwiseStream(generation, steps, sampler, decoder, tokenizer, logits, engineClosed, ended);
        stream.details(Map.of("request_id", id));
        return stream;
    }

    /** Where none was given, as in transformers, the last token of the prompt. */
    private List<Integer> negative(GenerationRequest request, List<Integer> prompt) {
        if (request.negativePrompt() instanceof Prompt.Tokens tokens) {
            return tokens.tokenIds();
        }
        return request.negativePrompt() instanceof Prompt.Text text
                ? Arrays.stream(tokenizer.encode(text.text())).boxed().toList()
                : prompt.subList(prompt.size() - 1, prompt.size());
    }

    private static long seed(SamplingParameters parameters) {
        Long given = parameters.seed();
        return given == null ? ThreadLocalRandom.current().nextLong() : given;
    }

    private Set<Integer> stops(ServerAsker asker, Planned planned) {
        SamplingParameters parameters = planned.request().parameters();
        Set<Integer> stops = new TreeSet<>(parameters.stopTokenIds());
        if (!Boolean.TRUE.equals(parameters.ignoreEos())) {
            String model = String.valueOf(planned.other().get("model"));
            // Not computeIfAbsent: a request under the lock of a map would hold up others.
            Set<Integer> found = endTokens.get(model);
            if (found == null) {
                found = StopTokens.of(asker, planned.route(), model, tokenizer);
                endTokens.put(model, found);
            }
            stops.addAll(found);
        }
        return stops;
    }

    private static int[] ints(Collection<Integer> ids) {
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }
}
