package dev.tempera.djl;

import dev.tempera.Acceptance;
import dev.tempera.SamplingParameters;
import dev.tempera.SequenceSampler;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationChunk;
import dev.tempera.engine.GenerationException;
import dev.tempera.engine.GenerationListener;
import dev.tempera.engine.GenerationPlan;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.StopStrings;
import dev.tempera.engine.TokenDecoder;
import dev.tempera.engine.Usage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * One generation: takes logits, gives text. Draws a token, decides whether it ends the generation, turns it into text
 * and hands that to the stream. Belongs to the decode thread; knows nothing of libtorch.
 */
final class Sequence {
    private static final System.Logger LOG = System.getLogger(Sequence.class.getName());

    /**
     * What one generation needs to know.
     *
     * @param request what was asked for, and its listener
     * @param plan how it runs
     * @param parameters in force, with the seed that is used
     * @param stopTokenIds the model's end-of-generation ids, unless ignored, and the caller's
     * @param maxTokens how many tokens may be generated, within the context
     * @param model for messages: its name and data type
     */
    record Settings(
            GenerationRequest request,
            GenerationPlan plan,
            SamplingParameters parameters,
            Set<Integer> stopTokenIds,
            int maxTokens,
            String model) {}

    private final Settings settings;
    private final SequenceSampler sampler;
    private final TokenDecoder decoder;
    private final StopStrings stopStrings;
    private final QueuedStream stream;
    private final int minTokens;
    private final boolean includeStop;
    private final StringBuilder text = new StringBuilder();
    private final List<Integer> tokenIds = new ArrayList<>();
    private final List<Integer> held = new ArrayList<>(); // drawn, but a processor may still take them back
    private final long start = System.nanoTime();
    private long firstToken;
    private boolean begun;
    private boolean finished;

    Sequence(Settings settings, SequenceSampler sampler, TokenDecoder decoder, QueuedStream stream) {
        SamplingParameters parameters = settings.parameters();
        this.settings = settings;
        this.sampler = sampler;
        this.decoder = decoder;
        this.stream = stream;
        this.minTokens = parameters.minTokens() == null ? 0 : parameters.minTokens();
        this.includeStop = Boolean.TRUE.equals(parameters.includeStopStrInOutput());
        this.stopStrings = new StopStrings(parameters.stop(), includeStop);
    }

    QueuedStream stream() {
        return stream;
    }

    boolean mayRewind() {
        return sampler.mayRewind();
    }

    boolean isFinished() {
        return finished;
    }

    /** Prompt and generated tokens; less than before when a processor took some back. */
    int length() {
        return sampler.history().size();
    }

    int lastToken() {
        return sampler.history().get(length() - 1);
    }

    /** Tells the listener that this generation has its turn; only once. */
    void begin() {
        if (!begun) {
            begun = true;
            tellListener(listener -> listener.started(settings.request(), settings.plan()));
        }
    }

    /**
     * Draws the next token from logits of length rows(), which are overwritten. A failure, also an error in somebody's
     * processor, ends this sequence alone; only a sick JVM, for instance one out of memory, ends the engine.
     */
    void advance(float[] logits) {
        try {
            int tokenId = sampler.sample(logits);
            Acceptance acceptance = sampler.acceptance();
            if (firstToken == 0) {
                firstToken = System.nanoTime();
            }
            if (acceptance.rewind() > 0) {
                // The newest token was never added to the held ones.
                held.subList(held.size() - (acceptance.rewind() - 1), held.size())
                        .clear();
                return;
            }
            held.add(tokenId);
            boolean last = settings.stopTokenIds().contains(tokenId)
                    || sampler.history().generatedSize() >= settings.maxTokens();
            if (!acceptance.held() || last) {
                for (int i = 0; i < held.size() && !finished; i++) {
                    emit(held.get(i));
                }
                held.clear();
            }
        } catch (Throwable e) {
            fail(e);
            rethrowIfFatal(e);
        }
    }

    private void emit(int tokenId) {
        tokenIds.add(tokenId);
        tellListener(listener -> listener.token(tokenId));
        boolean stop = settings.stopTokenIds().contains(tokenId);
        String piece = stop && !includeStop ? "" : decoder.append(tokenId);
        // As vLLM: stop strings are looked for once min_tokens have been generated.
        String shown = tokenIds.size() > minTokens ? stopStrings.append(piece) : piece;
        if (stop || stopStrings.matched() != null) {
            finish(shown, List.of(tokenId), FinishReason.STOP);
        } else if (tokenIds.size() >= settings.maxTokens()) {
            finish(shown, List.of(tokenId), FinishReason.LENGTH);
        } else {
            show(shown, List.of(tokenId));
        }
    }

    private void show(String shown, List<Integer> ids) {
        text.append(shown);
        stream.put(GenerationChunk.of(shown, ids));
    }

    /** Ends the generation from outside, with the text so far. */
    void finish(FinishReason reason) {
        try {
            finish("", List.of(), reason);
        } catch (Throwable e) {
            fail(e);
            rethrowIfFatal(e);
        }
    }

    private void finish(String shown, List<Integer> ids, FinishReason reason) {
        String rest = shown + stopStrings.append(decoder.flush()) + stopStrings.flush();
        if (!rest.isEmpty() || !ids.isEmpty()) {
            show(rest, ids);
        }
        GenerationResult result = result(reason);
        finished = true;
        try {
            begin();
            tellListener(listener -> listener.finished(result, timings()));
        } finally {
            stream.end(result);
        }
    }

    /** Ends the generation, if it has not ended, with an exception that carries what was generated before. */
    void fail(Throwable cause) {
        if (finished) {
            return;
        }
        finished = true;
        var failure = new GenerationException(
                settings.model() + ": " + (cause.getMessage() == null ? cause.toString() : cause.getMessage()),
                tokenIds.isEmpty() ? null : result(FinishReason.ABORT),
                cause);
        try {
            begin();
            tellListener(listener -> listener.failed(failure, timings()));
        } finally {
            stream.fail(failure);
        }
    }

    private GenerationResult result(FinishReason reason) {
        return GenerationResult.builder()
                .text(text.toString())
                .tokenIds(tokenIds)
                .finishReason(reason)
                .usage(new Usage(sampler.history().promptSize(), tokenIds.size()))
                .effectiveParameters(settings.parameters())
                .build();
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
