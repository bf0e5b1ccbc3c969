package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.Ties;
import java.util.Arrays;

/**
 * Keeps the most likely tokens that hold a share of the entropy: of the 100 most likely, renormalised, sorted by
 * falling probability, token j stays iff {@code sum_{i<=j} -p_i ln p_i <= h H}, H being the sum over all of them. The
 * likeliest always stays.
 *
 * <p>Source: Potraghloo et al. 2025, "Top-H Decoding", arXiv 2509.02510. As transformers' {@code TopHLogitsWarper}: the
 * token that crosses goes, and with h = 1 the 100 most likely still are all that stays. Equal logits are taken by
 * rising token id. If the largest logit is +inf, those that are stay. Immutable and thread-safe. O(size); no allocation
 * per token on a sequence.
 *
 * @param h in [0, 1]; 0 keeps the likeliest alone
 */
public record TopH(double h) implements LogitsProcessor {
    /** Only so many take part. */
    public static final int MOST = 100;

    /** @throws dev.tempera.InvalidParametersException if h is outside [0, 1] */
    public TopH {
        Require.that(h >= 0 && h <= 1, "top_h", "be in [0, 1]", h);
    }

    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        float[] sorted = new float[MOST];
        double[] terms = new double[MOST];
        return (logits, ignored) -> cut(logits, sorted, terms);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        cut(logits, new float[MOST], new double[MOST]);
    }

    private void cut(Logits logits, float[] sorted, double[] terms) {
        float max = logits.max();
        if (max == Float.NEGATIVE_INFINITY) {
            return;
        }
        if (max == Float.POSITIVE_INFINITY) {
            logits.retainAtLeast(max);
            return;
        }
        logits.retainTop(MOST, Ties.LOWEST_IDS);
        logits.retainAtLeast(-Float.MAX_VALUE); // with fewer than 100 above -inf, all were left
        int n = logits.size();
        sort(logits, sorted);
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += StrictMath.exp((double) sorted[i] - max);
        }
        double entropy = 0;
        for (int i = 0; i < n; i++) {
            double gap = (double) max - sorted[i];
            double p = StrictMath.exp(-gap) / sum;
            terms[i] = p > 0 ? p * (StrictMath.log(sum) + gap) : 0;
            entropy += terms[i];
        }
        int kept = 0;
        double before = 0;
        while (kept < n && before + terms[kept] <= h * entropy) {
            before += terms[kept++];
        }
        logits.retainTop(Math.max(kept, 1), Ties.LOWEST_IDS);
    }

    /** The logits, falling. */
    private static void sort(Logits logits, float[] sorted) {
        int n = logits.size();
        for (int i = 0; i < n; i++) {
            sorted[i] = -logits.get(i);
        }
        Arrays.sort(sorted, 0, n);
        for (int i = 0; i < n; i++) {
            sorted[i] = -sorted[i];
        }
    }
}
