package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.Ties;

/**
 * Removes tokens that are unlikely beside the square of the likeliest: keeps {@code p_i >= a p_max^2}. Cuts hard when
 * the model is sure, hardly when it is not.
 *
 * <p>Source: BlinkDL's RWKV-LM, as koboldcpp, exllamav2 and text-generation-webui have it: equality stays. Immutable
 * and thread-safe. One exponential a token, no allocation.
 *
 * @param a in [0, 1]; 0 keeps everything
 * @param minKeep tokens that stay whatever a says, at least 1; among equals the lowest ids
 */
public record TopA(double a, int minKeep) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if a is outside [0, 1] or minKeep is less than 1 */
    public TopA {
        Require.that(a >= 0 && a <= 1, "top_a", "be in [0, 1]", a);
        Require.that(minKeep >= 1, "min_keep", "be at least 1", minKeep);
    }

    public TopA(double a) {
        this(a, 1);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        if (a > 0 && logits.max() > Float.NEGATIVE_INFINITY) {
            LogitCut.atWeight(logits, a / logits.weightSum(), minKeep, Ties.LOWEST_IDS);
        }
    }
}
