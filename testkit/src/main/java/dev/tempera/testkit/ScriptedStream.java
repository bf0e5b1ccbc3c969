package dev.tempera.testkit;

import dev.tempera.SequenceSampler;
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
    private final BooleanSupplier engineClosed;
    private final Generation generation;
    private final Queue<GenerationChunk> chunks = new ArrayDeque<>();
    private @Nullable GenerationResult result;
    private @Nullable GenerationException failure;
    private volatile boolean cancelled;

    ScriptedStream(
            ScriptedEngine.Script script,
            SequenceSampler sampler,
            TokenDecoder decoder,
            Generation.Settings settings,
            BooleanSupplier engineClosed) {
        this.script = script;
        this.sampler = sampler;
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
}
