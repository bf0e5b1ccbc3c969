package dev.tempera.testkit;

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
import dev.tempera.engine.TokenStream;
import dev.tempera.engine.Usage;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Queue;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A generation of {@link ScriptedEngine}, computed token by token as it is read. */
final class ScriptedStream implements TokenStream {
    private static final System.Logger LOG = System.getLogger(ScriptedStream.class.getName());

    /** When to end, stop strings aside. */
    record Limits(Set<Integer> stopTokenIds, int maxTokens) {}

    private final ScriptedEngine.Script script;
    private final SequenceSampler sampler;
    private final TokenDecoder decoder;
    private final Limits limits;
    private final SamplingParameters parameters;
    private final GenerationListener listener;
    private final BooleanSupplier engineClosed;
    private final StopStrings stopStrings;
    private final int minTokens;
    private final boolean includeStop;

    private final Queue<GenerationChunk> chunks = new ArrayDeque<>();
    private final List<Integer> held = new ArrayList<>(); // drawn, but a processor may still take them back
    private final List<Integer> tokenIds = new ArrayList<>();
    private final StringBuilder text = new StringBuilder();
    private final long start = System.nanoTime();
    private long firstToken = start;
    private @Nullable GenerationResult result;
    private @Nullable GenerationException failure;
    private volatile boolean cancelled;

    ScriptedStream(
            ScriptedEngine.Script script,
            SequenceSampler sampler,
            TokenDecoder decoder,
            Limits limits,
            SamplingParameters parameters,
            GenerationListener listener,
            BooleanSupplier engineClosed) {
        this.script = script;
        this.sampler = sampler;
        this.decoder = decoder;
        this.limits = limits;
        this.parameters = parameters;
        this.listener = listener;
        this.engineClosed = engineClosed;
        Integer least = parameters.minTokens();
        this.minTokens = least == null ? 0 : least;
        this.includeStop = Boolean.TRUE.equals(parameters.includeStopStrInOutput());
        this.stopStrings = new StopStrings(parameters.stop(), includeStop);
    }

    void started(GenerationRequest request, GenerationPlan plan) {
        listen(l -> l.started(request, plan));
    }

    @Override
    public boolean hasNext() {
        while (chunks.isEmpty() && result == null && failure == null) {
            if (cancelled) {
                finish("", List.of(), FinishReason.CANCELLED);
            } else if (engineClosed.getAsBoolean()) {
                finish("", List.of(), FinishReason.ABORT);
            } else {
                step();
            }
        }
        if (chunks.isEmpty() && failure != null) {
            throw failure;
        }
        return !chunks.isEmpty();
    }

    @Override
    public GenerationChunk next() {
        if (!hasNext()) {
            throw new NoSuchElementException("the generation has ended");
        }
        return chunks.remove();
    }

    @Override
    public GenerationResult result() {
        while (hasNext()) {
            next();
        }
        return Objects.requireNonNull(result);
    }

    @Override
    public void cancel() {
        cancelled = true;
    }

    @Override
    public void close() {
        cancel();
    }

    private void step() {
        try {
            int tokenId = sampler.sample(script.logits(sampler.history()));
            if (sampler.history().generatedSize() == 1) {
                firstToken = System.nanoTime();
            }
            Acceptance acceptance = sampler.acceptance();
            if (acceptance.rewind() > 0) {
                // The newest token was never among the held ones.
                held.subList(held.size() - (acceptance.rewind() - 1), held.size())
                        .clear();
                return;
            }
            held.add(tokenId);
            boolean last =
                    limits.stopTokenIds.contains(tokenId) || sampler.history().generatedSize() >= limits.maxTokens;
            if (!acceptance.held() || last) {
                for (int i = 0; i < held.size() && result == null; i++) {
                    emit(held.get(i));
                }
                held.clear();
            }
        } catch (RuntimeException e) {
            GenerationException wrapped = new GenerationException(
                    e.getMessage() == null ? e.toString() : e.getMessage(), result(FinishReason.ABORT), e);
            failure = wrapped;
            listen(l -> l.failed(wrapped, timings()));
        }
    }

    private void emit(int tokenId) {
        tokenIds.add(tokenId);
        listen(l -> l.token(tokenId));
        boolean stop = limits.stopTokenIds.contains(tokenId);
        String piece = stop && !includeStop ? "" : decoder.append(tokenId);
        // As vLLM: stop strings are looked for once min_tokens have been generated.
        String shown = tokenIds.size() > minTokens ? stopStrings.append(piece) : piece;
        if (stop || stopStrings.matched() != null) {
            finish(shown, List.of(tokenId), FinishReason.STOP);
        } else if (tokenIds.size() >= limits.maxTokens) {
            finish(shown, List.of(tokenId), FinishReason.LENGTH);
        } else {
            show(shown, List.of(tokenId));
        }
    }

    private void show(String shown, List<Integer> ids) {
        text.append(shown);
        chunks.add(GenerationChunk.of(shown, ids));
    }

    private void finish(String shown, List<Integer> ids, FinishReason reason) {
        String rest = shown + stopStrings.append(decoder.flush()) + stopStrings.flush();
        if (!rest.isEmpty() || !ids.isEmpty()) {
            show(rest, ids);
        }
        // The flushed text may complete a stop string.
        GenerationResult whole = result(stopStrings.matched() != null ? FinishReason.STOP : reason);
        result = whole;
        listen(l -> l.finished(whole, timings()));
    }

    private GenerationResult result(FinishReason reason) {
        return GenerationResult.builder()
                .text(text.toString())
                .tokenIds(tokenIds)
                .finishReason(reason)
                .usage(new Usage(sampler.history().promptSize(), tokenIds.size()))
                .effectiveParameters(parameters)
                .build();
    }

    private GenerationListener.Timings timings() {
        return new GenerationListener.Timings(
                Duration.ofNanos(firstToken - start), Duration.ofNanos(System.nanoTime() - firstToken));
    }

    private void listen(Consumer<GenerationListener> event) {
        try {
            event.accept(listener);
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.WARNING, "a generation listener failed", e);
        }
    }
}
