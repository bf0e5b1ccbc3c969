package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.Ties;

/**
 * Keeps logits within n standard deviations of the largest: {@code logit_i >= max - n sigma}. Deviation and cut grow
 * alike with the temperature, so that its place in the chain does not matter.
 *
 * <p>Source: Tang et al. 2024, "Top-nσ: Not All Logits Are You Need", arXiv 2411.07641. As llama.cpp's
 * {@code top_n_sigma}: sigma is the population's, over the finite logits alone, so bans and penalties before it move
 * the cut. (text-generation-webui divides by one less and counts masked logits as 0.) If the largest logit is +inf,
 * those that are stay. Immutable and thread-safe. O(size), no allocation.
 *
 * @param n a finite number of at least 0; 0 keeps the maximum and its ties (llama.cpp takes 0 for off)
 * @param minKeep tokens that stay whatever n says, at least 1; among equals the lowest ids
 */
public record TopNSigma(double n, int minKeep) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if n is negative or not finite or minKeep is less than 1 */
    public TopNSigma {
        Require.that(n >= 0 && n < Double.POSITIVE_INFINITY, "top_n_sigma", "be a finite number of at least 0", n);
        Require.that(minKeep >= 1, "min_keep", "be at least 1", minKeep);
    }

    public TopNSigma(double n) {
        this(n, 1);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        float max = logits.max();
        if (max > Float.NEGATIVE_INFINITY) {
            double sigma = max < Float.POSITIVE_INFINITY ? sigma(logits.values(), logits.size(), max) : 0;
            LogitCut.atLeast(logits, max - n * sigma, minKeep, Ties.LOWEST_IDS);
        }
    }

    /** Of the gaps to the maximum: equal logits have the deviation 0, whatever they are. */
    private static double sigma(float[] values, int size, double max) {
        double sum = 0;
        int count = 0;
        for (int i = 0; i < size; i++) {
            if (values[i] > Float.NEGATIVE_INFINITY) {
                sum += max - values[i];
                count++;
            }
        }
        double mean = sum / count;
        double squares = 0;
        for (int i = 0; i < size; i++) {
            if (values[i] > Float.NEGATIVE_INFINITY) {
                double deviation = max - values[i] - mean;
                squares += deviation * deviation;
            }
        }
        return Math.sqrt(squares / count);
    }
}
