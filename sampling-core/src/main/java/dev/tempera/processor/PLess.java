package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import dev.tempera.Ties;

/**
 * Removes tokens less likely than two draws are to agree: keeps {@code p_i >= sum p^2}. No number to choose: few stay
 * when the model is sure, many when it is not.
 *
 * <p>Source: Tan, Wu, Howard 2025, "p-less Sampling", arXiv 2509.23234. The likeliest always stays; equal logits stay
 * or go together, and all of them stay if there are no others. Immutable and thread-safe. One exponential a token, no
 * allocation.
 */
public record PLess() implements LogitsProcessor {
    @Override
    public void process(Logits logits, SamplingContext context) {
        if (logits.max() > Float.NEGATIVE_INFINITY) {
            LogitCut.atWeight(logits, logits.collisionProbability() * logits.weightSum(), 1, Ties.KEEP_ALL);
        }
    }
}
