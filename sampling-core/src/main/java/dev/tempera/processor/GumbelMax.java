package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.RandomPurpose;
import dev.tempera.Sampler;
import dev.tempera.SamplingContext;

/**
 * Draws from the softmax by adding noise: the token with the largest {@code logit + g}, {@code g = -ln(-ln u)}. The
 * distribution is that of {@link Sampler#CATEGORICAL}; the noise belongs to (seed, position, token id). So the same seed
 * under two distributions gives the same token wherever they agree enough: what a changed parameter changes shows
 * without the noise of another draw.
 *
 * <p>Source: Gumbel 1954; vLLM's model runner 2 draws so. {@code u} is {@link SamplingContext#uniform(RandomPurpose,
 * int)} of the purpose "gumbel" and the token id. Stateless and thread-safe. O(size), a random number a candidate;
 * logarithms only of those that may win; no allocation.
 */
public record GumbelMax() implements Sampler {
    private static final RandomPurpose GUMBEL = RandomPurpose.of("gumbel");
    private static final double LN2_ROUNDED_UP = 0.7;

    @Override
    public int sample(Logits logits, SamplingContext context) {
        float max = logits.max();
        if (max == Float.NEGATIVE_INFINITY) {
            return logits.argmax(); // says what is wrong
        }
        int best = -1;
        double bestScore = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < logits.size(); i++) {
            float logit = logits.get(i);
            if (max == Float.POSITIVE_INFINITY) { // all that are share the draw
                logit = logit == max ? 0 : Float.NEGATIVE_INFINITY;
            }
            if (!(logit > Float.NEGATIVE_INFINITY)) {
                continue;
            }
            double u = context.uniform(GUMBEL, logits.tokenId(i));
            if (best >= 0 && logit + bound(u) < bestScore) {
                continue;
            }
            double score = logit - StrictMath.log(-StrictMath.log(u));
            if (best < 0 || score > bestScore) {
                best = logits.tokenId(i);
                bestScore = score;
            }
        }
        return best;
    }

    /** At least the noise: {@code -ln u >= 1 - u >= 2^exponent}. */
    private static double bound(double u) {
        return -Math.getExponent(1 - u) * LN2_ROUNDED_UP;
    }
}
