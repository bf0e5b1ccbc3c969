package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.Require;
import dev.tempera.Sampler;
import dev.tempera.SamplingContext;
import dev.tempera.Ties;

/**
 * Holds the surprise of the text near a target by the choice of k: estimates the exponent s of Zipf's law from the m
 * most probable tokens, keeps the top {@code k = ((s - 1) 2^mu / (1 - V^(1 - s)))^(1 / s)}, rounded down, at least one,
 * and draws from their softmax. Then {@code mu := mu - eta * (surprise - tau)}, with {@code surprise = -log2} of the
 * drawn token's probability among those kept. mu starts at {@code 2 tau}.
 *
 * <p>Source: Basu et al. 2020, "Mirostat", arXiv 2007.14966, algorithm 1. As llama.cpp's {@code mirostat}; where its k
 * overflows an int, which there keeps one token or all depending on the machine, all are kept here; at s = 1 the limit
 * {@code k = 2^mu / ln V} is taken. V is the vocabulary's size. Equal logits are taken by rising token id. Masked tokens
 * take no part in the estimate.
 *
 * <p>{@code s = sum t_i b_i / sum t_i^2} with {@code t_i = ln((i + 2) / (i + 1))} and {@code b_i} the difference of the
 * i-th and the next logit, sorted.
 *
 * <p>mu learns from tokens that this sampler drew. One that was chosen elsewhere (forced, drafted, replayed) leaves mu
 * as it is: its logits were not seen. To go on where a sequence was, restore a snapshot. Immutable and thread-safe;
 * mu belongs to {@link #forSequence}. O(size) and one exp a token, no allocation.
 *
 * @param tau the surprise to hold, in bits, at least 0
 * @param eta how fast mu learns, at least 0; 0 leaves it at 2 tau
 * @param m how many tokens the estimate looks at, at least 2; 100 in the paper
 */
public record Mirostat(double tau, double eta, int m) implements Sampler {
    private static final double LN_2 = StrictMath.log(2);

    /** @throws dev.tempera.InvalidParametersException if tau or eta is negative or not finite, or m is below 2 */
    public Mirostat {
        SurpriseControl.require(tau, eta);
        Require.that(m >= 2, "m", "be at least 2 tokens", m);
    }

    /** Estimates from 100 tokens. */
    public Mirostat(double tau, double eta) {
        this(tau, eta, 100);
    }

    @Override
    public Sampler forSequence(SamplingContext context) {
        float[] top = new float[Math.min(m, context.vocabulary().rows())];
        double[] logRanks = new double[top.length];
        for (int i = 0; i < logRanks.length; i++) {
            logRanks[i] = StrictMath.log((i + 2.0) / (i + 1));
        }
        return new SurpriseControl(tau, eta, (logits, mu) -> retain(logits, mu, top, logRanks));
    }

    /** Of a sequence that has just begun: {@link #forSequence} has the state. */
    @Override
    public int sample(Logits logits, SamplingContext context) {
        return forSequence(context).sample(logits, context);
    }

    @Override
    public void shape(Logits logits, SamplingContext context) {
        forSequence(context).shape(logits, context);
    }

    private static void retain(Logits logits, double mu, float[] top, double[] logRanks) {
        int found = largest(logits, top);
        if (found > 1) {
            logits.retainTop(k(zipfExponent(top, found, logRanks), mu, logits.vocabularySize()), Ties.LOWEST_IDS);
        } else {
            logits.retainTop(1, Ties.LOWEST_IDS);
        }
    }

    /** The largest logits, falling; returns how many, which is fewer than asked for if not as many are above -inf. */
    private static int largest(Logits logits, float[] top) {
        float[] values = logits.values();
        int size = logits.size();
        int found = 0;
        float least = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < size; i++) {
            float value = values[i];
            if (value > least) {
                int at = found;
                while (at > 0 && top[at - 1] < value) {
                    at--;
                }
                found = Math.min(found + 1, top.length);
                System.arraycopy(top, at, top, at + 1, found - at - 1);
                top[at] = value;
                least = found == top.length ? top[found - 1] : Float.NEGATIVE_INFINITY;
            }
        }
        return found;
    }

    private static double zipfExponent(float[] top, int found, double[] logRanks) {
        double tb = 0;
        double tt = 0;
        for (int i = 0; i + 1 < found; i++) {
            double t = logRanks[i];
            tb += t * ((double) top[i] - top[i + 1]);
            tt += t * t;
        }
        return tb / tt;
    }

    private static int k(double s, double mu, int vocabularySize) {
        double epsilon = s - 1;
        double lnV = StrictMath.log(vocabularySize);
        double sum = epsilon == 0 ? lnV : -StrictMath.expm1(-epsilon * lnV) / epsilon;
        double k = StrictMath.exp((mu * LN_2 - StrictMath.log(sum)) / s); // (2^mu / sum)^(1/s): pow allocates
        return Math.max(1, (int) k); // NaN is 0, too much is the largest int
    }
}
