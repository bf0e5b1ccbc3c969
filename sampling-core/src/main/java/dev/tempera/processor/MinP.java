package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.Ties;

/**
 * Keeps tokens at least {@code p} times as likely as the likeliest: {@code logit_i >= max + ln p}. Thresholding of the
 * softmax without a softmax.
 *
 * <p>Source: Nguyen et al. 2024, "Turning Up the Heat: Min-p Sampling", arXiv 2407.01082. Matches transformers'
 * {@code MinPLogitsWarper}, vLLM and llama.cpp: equality stays. Immutable and thread-safe. O(size), no allocation.
 *
 * @param p in [0, 1]; 0 keeps everything, 1 keeps only the maximum and its ties
 * @param minKeep tokens that stay whatever p says, at least 1
 */
public record MinP(double p, int minKeep) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if p is outside [0, 1] or minKeep is less than 1 */
    public MinP {
        Require.that(p >= 0 && p <= 1, "min_p", "be in [0, 1]", p);
        Require.that(minKeep >= 1, "min_keep", "be at least 1", minKeep);
    }

    public MinP(double p) {
        this(p, 1);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        if (p == 0) {
            return;
        }
        LogitCut.atLeast(logits, logits.max() + StrictMath.log(p), minKeep, Ties.LOWEST_IDS);
    }
}
