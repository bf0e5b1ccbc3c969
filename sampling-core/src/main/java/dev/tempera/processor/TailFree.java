package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;

/**
 * Cuts where the sorted probabilities have flattened out. With p falling and
 * {@code d_i = |p_i - 2 p_{i+1} + p_{i+2}|}, i from 0, normalised to sum to 1: keeps the i most likely tokens, i being
 * the first of at least {@code minKeep} at which {@code d_0 + … + d_i > z}.
 *
 * <p>Source: Phénix, Egan 2019, "Tail Free Sampling". As koboldcpp's {@code tail_free}, and llama.cpp's until it was
 * removed: two tokens or fewer are left alone, and if all d sum to 1e-6 or less, each counts alike. (exllamav2 and
 * text-generation-webui keep one token more, the latter never the very last.) Equal logits are taken by rising token
 * id. Immutable and thread-safe. O(size): the head of the distribution is sorted, and all of it where the head cannot
 * tell; no allocation per token on a sequence.
 *
 * @param z in [0, 1]; 1 keeps everything
 * @param minKeep tokens that stay whatever z says, at least 1
 */
public record TailFree(double z, int minKeep) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if z is outside [0, 1] or minKeep is less than 1 */
    public TailFree {
        Require.that(z >= 0 && z <= 1, "tail_free", "be in [0, 1]", z);
        Require.that(minKeep >= 1, "min_keep", "be at least 1", minKeep);
    }

    public TailFree(double z) {
        this(z, 1);
    }

    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        TailCut cut = new TailCut();
        return (logits, ignored) -> process(logits, cut);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        process(logits, new TailCut());
    }

    private void process(Logits logits, TailCut cut) {
        if (z < 1 && logits.max() > Float.NEGATIVE_INFINITY) {
            cut.apply(logits, z, minKeep);
        }
    }
}
