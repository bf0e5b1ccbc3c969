package dev.tempera.djl;

import dev.tempera.SamplingContext;
import dev.tempera.SequenceSampler;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.Generation;
import dev.tempera.engine.TokenDecoder;

/** One row of a batch: takes logits, gives text. Belongs to the decode thread; knows nothing of libtorch. */
final class Sequence {
    private final SequenceSampler sampler;
    private final Generation generation;
    private final QueuedStream stream;

    Sequence(Generation.Settings settings, SequenceSampler sampler, TokenDecoder decoder, QueuedStream stream) {
        this.sampler = sampler;
        this.generation = new Generation(settings, decoder, stream);
        this.stream = stream;
    }

    QueuedStream stream() {
        return stream;
    }

    boolean mayRewind() {
        return sampler.mayRewind();
    }

    boolean isFinished() {
        return generation.isFinished();
    }

    /** How many tokens were generated; less than before when a processor took some back. */
    int generated() {
        return sampler.history().generatedSize();
    }

    int lastToken() {
        return sampler.history().get(sampler.history().size() - 1);
    }

    void begin() {
        generation.begin();
    }

    /** Logits of the next token behind the negative prompt, [rows()]. */
    void provideNegative(float[] logits) {
        sampler.provideLogits(SamplingContext.NEGATIVE, logits);
    }

    /**
     * Draws the next token from logits of length rows(), which are overwritten. A failure, also an error in somebody's
     * processor, ends this sequence alone; only a sick JVM, for instance one out of memory, ends the engine.
     */
    void advance(float[] logits) {
        try {
            generation.sample(sampler, logits);
        } catch (Throwable e) {
            generation.fail(e);
        }
    }

    /** Ends the generation from outside, with the text so far. */
    void finish(FinishReason reason) {
        try {
            generation.finish(reason);
        } catch (Throwable e) {
            generation.fail(e);
        }
    }

    /** Ends the generation, if it has not ended, with an exception that carries what was generated before. */
    void fail(Throwable cause) {
        generation.fail(cause);
    }
}
