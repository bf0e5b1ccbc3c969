package dev.tempera.engine;

import dev.tempera.Acceptance;
import dev.tempera.RepetitionDetection;
import dev.tempera.SamplingParameters;
import dev.tempera.SequenceSampler;
import dev.tempera.trace.Tracer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One generation behind the draw, for authors of engines: takes token ids as they are drawn, or text that a server has
 * decoded, keeps back what may still be taken back, ends at stop tokens, stop strings and patterns, the length limit, a
 * repetition or the deadline, and hands out chunks and the result; tells the listener. {@link #begin} comes first, then
 * any number of {@code accept}, until {@link #isFinished}; {@link #finish} and {@code fail} end it from outside. Belongs
 * to one thread.
 */
public final class Generation {
    private static final System.Logger LOG = System.getLogger(Generation.class.getName());
    private static final RepetitionDetection NO_DETECTION = new RepetitionDetection(0, 0, 0);

    /**
     * What one generation needs to know.
     *
     * @param request what was asked for, and its listener
     * @param plan how it runs
     * @param parameters in force, with the seed that is used
     * @param promptTokens how many tokens the prompt has
     * @param stopTokenIds the model's end-of-generation ids, unless ignored, and the caller's
     * @param maxTokens how many tokens may be generated, within the context
     * @param engine who generates, for messages: the model's name, for instance
     */
    public record Settings(
            GenerationRequest request,
            GenerationPlan plan,
            SamplingParameters parameters,
            int promptTokens,
            Set<Integer> stopTokenIds,
            int maxTokens,
            String engine) {
        public Settings {
            stopTokenIds = Set.copyOf(stopTokenIds);
        }
    }

    /** Where the text goes: any number of chunks, then one end. */
    public interface Output {
        void put(GenerationChunk chunk);

        void end(GenerationResult result);

        void fail(GenerationException failure);
    }

    private final Settings settings;
    private final TokenDecoder decoder;
    private final Output output;
    private final StopText stopText;
    private final RepetitionDetection repetition;
    private final long mostNanos;
    private final int minTokens;
    private final boolean includeStop;
    private final @Nullable Tracer tracer;
    private final StringBuilder text = new StringBuilder();
    private final List<Integer> tokenIds = new ArrayList<>();
    private final List<Integer> held = new ArrayList<>(); // drawn, but a processor may still take them back
    private final List<Logprobs.@Nullable Position> heldLogprobs = new ArrayList<>(); // of the held ones
    private final StringBuilder reasoning = new StringBuilder();
    private final ToolCalls toolCalls = new ToolCalls();
    private final List<Logprobs.Position> logprobs = new ArrayList<>();
    private final SortedMap<String, Object> details = new TreeMap<>();
    private Logprobs.Stage logprobsStage = Logprobs.Stage.RAW_LOGPROBS;
    private int promptTokens;
    private int generatedTokens;
    private final long start = System.nanoTime();
    private long firstToken;
    private long begin;
    private boolean begun;
    private boolean finished;

    public Generation(Settings settings, TokenDecoder decoder, Output output) {
        SamplingParameters parameters = settings.parameters();
        this.settings = settings;
        this.decoder = decoder;
        this.output = output;
        this.tracer = tracer(settings);
        this.promptTokens = settings.promptTokens();
        Integer least = parameters.minTokens();
        this.minTokens = least == null ? 0 : least;
        this.includeStop = Boolean.TRUE.equals(parameters.includeStopStrInOutput());
        List<StopRegex> patterns =
                parameters.stopRegex().stream().map(StopRegex::compile).toList();
        this.stopText = new StopText(parameters.stop(), patterns, includeStop);
        RepetitionDetection detection = parameters.repetitionDetection();
        this.repetition = detection == null ? NO_DETECTION : detection;
        Double seconds = parameters.maxTime();
        this.mostNanos = seconds == null ? Long.MAX_VALUE : (long) (seconds * 1e9);
    }

    private static @Nullable Tracer tracer(Settings settings) {
        GenerationRequest request = settings.request();
        Integer logprobs = request.logprobs();
        if (request.traceCandidates() == 0 && logprobs == null) {
            return null;
        }
        return Tracer.builder()
                .candidates(Math.max(request.traceCandidates(), logprobs == null ? 0 : Math.max(1, logprobs)))
                .model(settings.engine())
                .parameters(settings.parameters(), request.dialect())
                .build();
    }

    /** Whether the output has its end. */
    public boolean isFinished() {
        return finished;
    }

    /** Tells the listener that this generation has its turn, from when its {@code max_time} counts; only once. */
    public void begin() {
        if (!begun) {
            begun = true;
            begin = System.nanoTime();
            tellListener(listener -> listener.started(settings.request(), settings.plan()));
        }
    }

    /**
     * Draws a token, records its trace if the request wants one, and takes it.
     *
     * @param logits of the next position; overwritten
     */
    public void sample(SequenceSampler sampler, float[] logits) {
        int tokenId = tracer == null ? sampler.sample(logits) : sampler.sample(logits, tracer);
        accept(tokenId, sampler.acceptance());
    }

    /**
     * Takes the newest token; {@link #sample} does so by itself.
     *
     * @param acceptance what {@link dev.tempera.SequenceSampler#acceptance} says of it
     */
    public void accept(int tokenId, Acceptance acceptance) {
        accept(tokenId, acceptance, null);
    }

    /** @param position the token's log-probabilities, for an engine that has them from elsewhere; null for none */
    public void accept(int tokenId, Acceptance acceptance, Logprobs.@Nullable Position position) {
        if (firstToken == 0) {
            firstToken = System.nanoTime();
        }
        boolean late = System.nanoTime() - begin > mostNanos;
        if (acceptance.rewind() > 0) {
            // The newest token was never added to the held ones.
            held.subList(held.size() - (acceptance.rewind() - 1), held.size()).clear();
            heldLogprobs.subList(held.size(), heldLogprobs.size()).clear();
        } else {
            held.add(tokenId);
            heldLogprobs.add(position);
            boolean last =
                    settings.stopTokenIds().contains(tokenId) || tokenIds.size() + held.size() >= settings.maxTokens();
            emit(last ? held.size() : Math.max(0, held.size() - acceptance.held()));
        }
        if (late) {
            emit(held.size());
            finish(FinishReason.DEADLINE);
        }
    }

    /**
     * Takes what a server has generated and decoded: its text is shown as it is, save for what a stop string, a pattern,
     * a repetition or the deadline cuts here. The length limit is the server's.
     */
    public void accept(GenerationChunk received) {
        take(received, null);
    }

    /**
     * Takes the last of what a server has generated, as {@link #accept(GenerationChunk)} does, and ends with the server's
     * reason, unless the text ends in a stop string or pattern here.
     */
    public void acceptLast(GenerationChunk received, FinishReason reason) {
        take(received, reason);
    }

    private void take(GenerationChunk received, @Nullable FinishReason end) {
        if (firstToken == 0) {
            firstToken = System.nanoTime();
        }
        for (int tokenId : received.tokenIds()) {
            tokenIds.add(tokenId);
            tellListener(listener -> listener.token(tokenId));
        }
        reasoning.append(received.reasoning());
        toolCalls.add(received.toolCalls());
        logprobs.addAll(received.logprobs());
        // A server that hides its ids has looked at min_tokens itself.
        boolean look = tokenIds.isEmpty() || tokenIds.size() > minTokens;
        String shown = stopText.append(received.text(), look);
        if (stopText.matched() != null) {
            finish(withText(shown, received), FinishReason.STOP);
        } else if (end != null) {
            finish(withText(shown, received), end);
        } else if (tokenIds.size() >= minTokens && repetition.found(tokenIds)) {
            finish(withText(shown, received), FinishReason.REPETITION);
        } else {
            put(withText(shown, received));
            if (System.nanoTime() - begin > mostNanos) {
                finish(FinishReason.DEADLINE);
            }
        }
    }

    private static GenerationChunk withText(String text, GenerationChunk received) {
        return GenerationChunk.of(
                text, received.tokenIds(), received.reasoning(), received.toolCalls(), received.logprobs());
    }

    /** What the server counted. */
    public void promptTokens(int number) {
        promptTokens = number;
    }

    /** What the server counted, for one that hides its ids: the ids are counted here. */
    public void generatedTokens(int number) {
        generatedTokens = number;
    }

    /** At which stage the log-probabilities of {@link #accept(GenerationChunk)} were taken; raw unless told. */
    public void logprobsStage(Logprobs.Stage stage) {
        logprobsStage = stage;
    }

    /** For {@link GenerationResult#details}. */
    public void details(Map<String, ?> more) {
        details.putAll(more);
    }

    /** The ids so far, those included that are still kept back. */
    public List<Integer> tokenIds() {
        List<Integer> all = new ArrayList<>(tokenIds);
        all.addAll(held);
        return all;
    }

    /** Shows the oldest of the held tokens. */
    private void emit(int tokens) {
        List<Integer> shown = held.subList(0, tokens);
        for (int i = 0; i < tokens && !finished; i++) {
            show(shown.get(i), heldLogprobs.get(i));
        }
        shown.clear();
        heldLogprobs.subList(0, tokens).clear();
    }

    private void show(int tokenId, Logprobs.@Nullable Position given) {
        tokenIds.add(tokenId);
        tellListener(listener -> listener.token(tokenId));
        boolean stop = settings.stopTokenIds().contains(tokenId);
        String piece = stop && !includeStop ? "" : decoder.append(tokenId);
        // The order of the checks, and that min_tokens puts off those of text and repetition, is vLLM's.
        String shown = stopText.append(piece, tokenIds.size() > minTokens);
        GenerationChunk chunk = GenerationChunk.of(shown, List.of(tokenId), "", List.of(), logprobsOfNewest(given));
        if (stop || stopText.matched() != null) {
            finish(chunk, FinishReason.STOP);
        } else if (tokenIds.size() >= settings.maxTokens()) {
            finish(chunk, FinishReason.LENGTH);
        } else if (tokenIds.size() >= minTokens && repetition.found(tokenIds)) {
            finish(chunk, FinishReason.REPETITION);
        } else {
            put(chunk);
        }
    }

    private List<Logprobs.Position> logprobsOfNewest(Logprobs.@Nullable Position given) {
        Integer top = settings.request().logprobs();
        if (top == null || tracer == null) {
            return List.of();
        }
        Logprobs.Position position =
                given != null ? given : Logprobs.Position.raw(tracer.step(tokenIds.size() - 1), top);
        logprobs.add(position);
        return List.of(position);
    }

    private void put(GenerationChunk chunk) {
        text.append(chunk.text());
        output.put(chunk);
    }

    /** Ends the generation from outside, if it has not ended, with the text so far. */
    public void finish(FinishReason reason) {
        if (!finished) {
            finish(GenerationChunk.of("", List.of()), reason);
        }
    }

    private void finish(GenerationChunk last, FinishReason reason) {
        String rest = last.text() + stopText.append(decoder.flush(), tokenIds.size() > minTokens) + stopText.flush();
        if (!rest.isEmpty()
                || !last.tokenIds().isEmpty()
                || !last.reasoning().isEmpty()
                || !last.toolCalls().isEmpty()
                || !last.logprobs().isEmpty()) {
            put(withText(rest, last));
        }
        // The end of the text may complete a match.
        boolean stopped = reason.equals(FinishReason.LENGTH) && stopText.matched() != null;
        GenerationResult result = result(stopped ? FinishReason.STOP : reason);
        finished = true;
        try {
            begin();
            tellListener(listener -> listener.finished(result, timings()));
        } finally {
            output.end(result);
        }
    }

    /**
     * Ends the generation, if it has not ended, with an exception that carries what was generated before. Throws the
     * cause again only if it is an error of the whole JVM, for instance for lack of memory.
     */
    public void fail(Throwable cause) {
        String message =
                settings.engine() + ": " + (cause.getMessage() == null ? cause.toString() : cause.getMessage());
        fail(partialResult -> new GenerationException(message, partialResult, cause));
        rethrowIfFatal(cause);
    }

    /**
     * Ends the generation, if it has not ended, with an exception of the engine's own.
     *
     * @param exception is given what was generated before, or null if nothing was
     */
    public void fail(Function<@Nullable GenerationResult, ? extends GenerationException> exception) {
        if (!finished) {
            finished = true;
            boolean nothing = tokenIds.isEmpty()
                    && text.isEmpty()
                    && reasoning.isEmpty()
                    && toolCalls.whole().isEmpty();
            GenerationException failure = exception.apply(nothing ? null : result(FinishReason.ABORT));
            try {
                begin();
                tellListener(listener -> listener.failed(failure, timings()));
            } finally {
                output.fail(failure);
            }
        }
    }

    private GenerationResult result(FinishReason reason) {
        return GenerationResult.builder()
                .text(text.toString())
                .tokenIds(tokenIds)
                .finishReason(reason)
                .usage(new Usage(promptTokens, Math.max(generatedTokens, tokenIds.size())))
                .effectiveParameters(settings.parameters())
                .trace(traced() ? Objects.requireNonNull(tracer).trace().first(tokenIds.size()) : null)
                .logprobs(settings.request().logprobs() == null ? null : new Logprobs(logprobsStage, logprobs))
                .reasoning(reasoning.toString())
                .toolCalls(toolCalls.whole())
                .details(details)
                .build();
    }

    private boolean traced() {
        return settings.request().traceCandidates() > 0;
    }

    private GenerationListener.Timings timings() {
        long now = System.nanoTime();
        long first = firstToken == 0 ? now : firstToken;
        return new GenerationListener.Timings(Duration.ofNanos(first - start), Duration.ofNanos(now - first));
    }

    private void tellListener(Consumer<GenerationListener> event) {
        try {
            event.accept(settings.request().listener());
        } catch (Throwable e) {
            rethrowIfFatal(e);
            LOG.log(System.Logger.Level.WARNING, "a generation listener failed", e);
        }
    }

    /** An endless recursion is its author's failure; other errors of the JVM are everybody's. */
    private static void rethrowIfFatal(Throwable e) {
        if (e instanceof VirtualMachineError fatal && !(e instanceof StackOverflowError)) {
            throw fatal;
        }
    }
}
