package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;

/**
 * Lets a generation go on over logits that are no numbers: NaN becomes 0 and +inf the largest float. Without it NaN is a
 * masked token, and all that are +inf share the draw.
 *
 * <p>As transformers' {@code InfNanRemoveLogitsProcessor}, which also lifts -inf to the least float: that is never drawn
 * beside anything else, but brings banned tokens back when all are banned. So here it has to be asked for; it is the one
 * mode of a processor of this package that breaks the rule that a masked token stays masked. Immutable and thread-safe.
 * O(size), no allocation.
 *
 * @param liftMasked whether -inf becomes the least float, as in transformers
 */
public record RemoveInvalidValues(boolean liftMasked) implements LogitsProcessor {
    /** Masked tokens stay masked. */
    public RemoveInvalidValues() {
        this(false);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        float[] values = logits.values();
        for (int i = 0; i < logits.size(); i++) {
            float value = values[i];
            if (Float.isNaN(value)) {
                values[i] = 0;
            } else if (value == Float.POSITIVE_INFINITY) {
                values[i] = Float.MAX_VALUE;
            } else if (liftMasked && value == Float.NEGATIVE_INFINITY) {
                values[i] = -Float.MAX_VALUE;
            }
        }
    }
}
