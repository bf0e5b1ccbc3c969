package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;

/**
 * Bounds the logits: {@code cap tanh(logit / cap)}. Small ones hardly change, large ones approach the cap.
 *
 * <p>Source: Gemma 2, arXiv 2408.00118, whose models do this to their own logits (with cap 30). Masked logits stay
 * masked; +inf becomes the cap. Equal logits stay equal, and distinct ones far beyond the cap become equal. Immutable and
 * thread-safe. O(size), no allocation.
 *
 * @param cap finite, above 0
 */
public record Softcap(double cap) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if the cap is not finite and above 0 */
    public Softcap {
        Require.that(cap <= Float.MAX_VALUE && (float) cap > 0, "softcap", "be a finite number greater than 0", cap);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        float[] values = logits.values();
        for (int i = 0; i < logits.size(); i++) {
            if (values[i] > Float.NEGATIVE_INFINITY) {
                values[i] = (float) (cap * tanh(values[i] / cap));
            }
        }
    }

    /**
     * Within 1e-15 of itself, by additions, multiplications and divisions, which are the same on every JVM, and a tenth
     * of the price of StrictMath.tanh: Lambert's continued fraction to the seventh term at x / 8, doubled three times.
     */
    private static double tanh(double x) {
        double y = Math.max(-20, Math.min(20, x)) / 8;
        double q = y * y;
        double t = y * (135135 + q * (17325 + q * (378 + q))) / (135135 + q * (62370 + q * (3150 + q * 28)));
        t = 2 * t / (1 + t * t);
        t = 2 * t / (1 + t * t);
        return 2 * t / (1 + t * t);
    }
}
