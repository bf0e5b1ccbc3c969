package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.Ties;

/**
 * Removes tokens less likely than a bound that falls with the entropy: keeps {@code p_i >= eta} with
 * {@code eta = min(epsilon, sqrt(epsilon) e^-H)}, {@code H = -sum p ln p}.
 *
 * <p>Source: Hewitt et al. 2022, "Truncation Sampling as Language Model Desmoothing", arXiv 2210.15191. As
 * transformers' {@code EtaLogitsWarper} computes it (its description has the square root over both factors): the
 * {@code minKeep} most likely tokens stay, and so does what ties with the last of them. Immutable and thread-safe. One
 * exponential a token, no allocation.
 *
 * @param epsilon in [0, 1]; 0 keeps everything, usual are 3e-4 to 4e-3
 * @param minKeep tokens that stay whatever epsilon says, at least 1
 */
public record EtaCutoff(double epsilon, int minKeep) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if epsilon is outside [0, 1] or minKeep is less than 1 */
    public EtaCutoff {
        Require.that(epsilon >= 0 && epsilon <= 1, "eta_cutoff", "be in [0, 1]", epsilon);
        Require.that(minKeep >= 1, "min_keep", "be at least 1", minKeep);
    }

    public EtaCutoff(double epsilon) {
        this(epsilon, 1);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        if (epsilon > 0 && logits.max() > Float.NEGATIVE_INFINITY) {
            double eta = Math.min(epsilon, Math.sqrt(epsilon) * StrictMath.exp(-logits.entropy()));
            LogitCut.atWeight(logits, eta * logits.weightSum(), minKeep, Ties.KEEP_ALL);
        }
    }
}
