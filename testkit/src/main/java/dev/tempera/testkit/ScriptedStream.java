package dev.tempera.testkit;

import dev.tempera.SamplingContext;
import dev.tempera.SequenceSampler;
import dev.tempera.TokenCounts;
import dev.tempera.TokenHistory;
import dev.tempera.TokenScope;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.Generation;
import dev.tempera.engine.GenerationChunk;
import dev.tempera.engine.GenerationException;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.TokenDecoder;
import dev.tempera.engine.TokenStream;
import java.util.ArrayDeque;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Queue;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** A generation of {@link ScriptedEngine}, computed token by token as it is read. */
final class ScriptedStream implements TokenStream, Generation.Output {
    private final ScriptedEngine.Script script;
    private final SequenceSampler sampler;
    private final int[] negativePrompt;
    private final BooleanSupplier engineClosed;
    private final Generation generation;
    private final Queue<GenerationChunk> chunks = new ArrayDeque<>();
    private @Nullable GenerationResult result;
    private @Nullable GenerationException failure;
    private volatile boolean cancelled;

    /** @param negativePrompt empty if the generation is not guided */
    ScriptedStream(
            ScriptedEngine.Script script,
            SequenceSampler sampler,
            TokenDecoder decoder,
            Generation.Settings settings,
            int[] negativePrompt,
            BooleanSupplier engineClosed) {
        this.script = script;
        this.sampler = sampler;
        this.negativePrompt = negativePrompt;
        this.engineClosed = engineClosed;
        this.generation = new Generation(settings, decoder, this);
        generation.begin();
    }

    @Override
    public boolean hasNext() {
        while (chunks.isEmpty() && !generation.isFinished()) {
            if (cancelled) {
                generation.finish(FinishReason.CANCELLED);
            } else if (engineClosed.getAsBoolean()) {
                generation.finish(FinishReason.ABORT);
            } else {
                step();
            }
        }
        if (chunks.isEmpty() && failure != null) {
            throw failure;
        }
        return !chunks.isEmpty();
    }

    private void step() {
        try {
            if (negativePrompt.length > 0) {
                TokenHistory behindNegative = new BehindPrompt(negativePrompt, sampler.history());
                sampler.provideLogits(SamplingContext.NEGATIVE, script.logits(behindNegative));
            }
            generation.sample(sampler, script.logits(sampler.history()));
        } catch (Throwable e) {
            generation.fail(e);
        }
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

    @Override
    public void put(GenerationChunk chunk) {
        chunks.add(chunk);
    }

    @Override
    public void end(GenerationResult whole) {
        result = whole;
    }

    @Override
    public void fail(GenerationException cause) {
        failure = cause;
    }

    /** The generated tokens of a history behind another prompt. */
    private record BehindPrompt(int[] prompt, TokenHistory history) implements TokenHistory {
        @Override
        public int size() {
            return prompt.length + history.generatedSize();
        }

        @Override
        public int promptSize() {
            return prompt.length;
        }

        @Override
        public int get(int position) {
            return position < prompt.length
                    ? prompt[position]
                    : history.get(history.promptSize() + position - prompt.length);
        }

        @Override
        public TokenCounts counts(TokenScope scope, int window) {
            throw new UnsupportedOperationException("the history of a negative prompt counts nothing");
        }
    }
}
