package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Require;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Tells whether a text carries a watermark: counts how many of its tokens are green. In a text that was written without
 * the key each is green with probability gamma, so z = (green - gamma T) / sqrt(T gamma (1 - gamma)) is near 0 (standard
 * deviation 1); the mark makes it large. z above 4 comes by chance in 3 texts of 100,000.
 *
 * <p>The tokens must be those that were generated: the text encoded again by the same tokenizer may differ in a few.
 * Leave the prompt out, or count it as context only by starting {@code tokenIds} with its last tokens. Texts that repeat
 * themselves count one piece of evidence many times: {@code ignoreRepeated} counts each run of context and token once,
 * as transformers' {@code ignore_repeated_ngrams}.
 *
 * <p>Immutable and thread-safe. O(tokens × context width).
 *
 * @param watermark as it was when the text was generated; its delta does not matter
 */
public record WatermarkDetector(GreenListWatermark watermark, boolean ignoreRepeated) {
    /** Counts every run once. */
    public WatermarkDetector(GreenListWatermark watermark) {
        this(watermark, true);
    }

    /**
     * What was found.
     *
     * @param tokens how many were counted
     * @param green how many of them are green
     * @param zScore by how many standard deviations that is more than chance
     * @param pValue the probability of at least as many by chance: the exact tail of the binomial distribution; 0 below
     *     the smallest double
     */
    public record Detection(int tokens, int green, double zScore, double pValue) {
        public double greenFraction() {
            return (double) green / tokens;
        }
    }

    /**
     * @param tokenIds the text; the first {@code contextWidth} tokens are context alone (one fewer for selfhash)
     * @throws InvalidParametersException if there is no token to count, or an id is negative
     */
    public Detection detect(int[] tokenIds) {
        int before = watermark.contextBefore();
        Require.that(
                tokenIds.length > before,
                "token ids",
                "be more than the " + before + " that are context alone",
                tokenIds.length);
        for (int tokenId : tokenIds) {
            Require.that(tokenId >= 0, "token ids", "be at least 0", tokenId);
        }
        GreenList list = new GreenList(watermark);
        Set<List<Integer>> seen = new HashSet<>();
        int tokens = 0;
        int green = 0;
        for (int position = before; position < tokenIds.length; position++) {
            if (ignoreRepeated && !seen.add(run(tokenIds, position - before, position))) {
                continue;
            }
            tokens++;
            list.clear();
            for (int i = position - before; i < position; i++) {
                list.add(tokenIds[i]);
            }
            green += list.contains(tokenIds[position]) ? 1 : 0;
        }
        double gamma = watermark.gamma();
        double z = (green - gamma * tokens) / Math.sqrt(tokens * gamma * (1 - gamma));
        return new Detection(tokens, green, z, atLeast(green, tokens, gamma));
    }

    private static List<Integer> run(int[] tokenIds, int from, int to) {
        List<Integer> run = new ArrayList<>(to - from + 1);
        for (int i = from; i <= to; i++) {
            run.add(tokenIds[i]);
        }
        return run;
    }

    /** The probability of at least {@code hits} in {@code tries}: summed from there away from the middle. */
    private static double atLeast(int hits, int tries, double p) {
        double odds = p / (1 - p);
        if (hits > p * tries) {
            double sum = 0;
            double term = 1;
            for (int k = hits; k <= tries && term > 0; k++) {
                sum += term;
                term *= odds * (tries - k) / (k + 1);
            }
            return StrictMath.exp(logProbability(hits, tries, p)) * sum;
        }
        double sum = 0;
        double term = 1;
        for (int k = hits - 1; k >= 0 && term > 0; k--) {
            sum += term;
            term *= k / (odds * (tries - k + 1));
        }
        return hits == 0 ? 1 : 1 - StrictMath.exp(logProbability(hits - 1, tries, p)) * sum;
    }

    private static double logProbability(int hits, int tries, double p) {
        double log = hits * StrictMath.log(p) + (tries - hits) * StrictMath.log1p(-p);
        for (int i = 1; i <= hits; i++) {
            log += StrictMath.log((double) (tries - hits + i) / i);
        }
        return log;
    }
}
