package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;

/**
 * Bends the logits around the largest: {@code logit := max - k f d^2 + s f d^3} with {@code d = logit - max}, {@code k =
 * (3 - curve) / 2} and {@code s = (curve - 1) / 2}. Near the top differences shrink, further down they grow.
 *
 * <p>Source: text-generation-webui's {@code QuadraticSamplingLogitsWarper}, which this matches; koboldcpp has curve 1,
 * the plain parabola {@code max - f d^2}. A curve above 3 lifts some logits above the largest. Masked logits stay
 * masked; if the largest is +inf, nothing changes. Computed in double. Immutable and thread-safe. O(size), no
 * allocation.
 *
 * @param factor finite, at least 0; 0 changes nothing, as in the peers
 * @param curve finite, at least 1
 */
public record QuadraticSmoothing(double factor, double curve) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if the factor is negative, the curve below 1 or one not finite */
    public QuadraticSmoothing {
        Require.that(factor >= 0 && factor <= Float.MAX_VALUE, "factor", "be a finite number of at least 0", factor);
        Require.that(curve >= 1 && curve <= Float.MAX_VALUE, "curve", "be a finite number of at least 1", curve);
    }

    /** The plain parabola. */
    public QuadraticSmoothing(double factor) {
        this(factor, 1);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        double max = logits.max();
        if (factor == 0 || Double.isInfinite(max)) {
            return;
        }
        double square = -factor * (3 - curve) / 2;
        double cube = factor * (curve - 1) / 2;
        float[] values = logits.values();
        for (int i = 0; i < logits.size(); i++) {
            if (values[i] > Float.NEGATIVE_INFINITY) {
                double d = values[i] - max;
                values[i] = (float) (max + (square + cube * d) * d * d);
            }
        }
    }
}
