package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.Ties;

/**
 * Removes tokens less likely than a constant: keeps {@code p_i >= epsilon}.
 *
 * <p>Source: Hewitt et al. 2022, "Truncation Sampling as Language Model Desmoothing", arXiv 2210.15191. As
 * transformers' {@code EpsilonLogitsWarper}: the {@code minKeep} most likely tokens stay, and so does what ties with
 * the last of them. Immutable and thread-safe. One exponential a token, no allocation.
 *
 * @param epsilon in [0, 1]; 0 keeps everything, usual are 3e-4 to 9e-4
 * @param minKeep tokens that stay whatever epsilon says, at least 1
 */
public record EpsilonCutoff(double epsilon, int minKeep) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if epsilon is outside [0, 1] or minKeep is less than 1 */
    public EpsilonCutoff {
        Require.that(epsilon >= 0 && epsilon <= 1, "epsilon_cutoff", "be in [0, 1]", epsilon);
        Require.that(minKeep >= 1, "min_keep", "be at least 1", minKeep);
    }

    public EpsilonCutoff(double epsilon) {
        this(epsilon, 1);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        if (epsilon > 0 && logits.max() > Float.NEGATIVE_INFINITY) {
            LogitCut.atWeight(logits, epsilon * logits.weightSum(), minKeep, Ties.KEEP_ALL);
        }
    }
}
