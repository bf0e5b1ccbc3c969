package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;

/**
 * Turns logits into log probabilities: {@code logit - ln sum e^logit}. The distribution stays; a processor that looks at
 * the logits themselves, as the repetition penalty does at their sign, sees others.
 *
 * <p>As transformers' {@code LogitNormalization}. If the largest logit is +inf, nothing changes. Immutable and
 * thread-safe. O(size) with the weights of the softmax, no allocation.
 */
public record Renormalize() implements LogitsProcessor {
    @Override
    public void process(Logits logits, SamplingContext context) {
        if (Float.isInfinite(logits.max())) {
            return;
        }
        double logSumExp = logits.logSumExp();
        float[] values = logits.values();
        for (int i = 0; i < logits.size(); i++) {
            values[i] = (float) (values[i] - logSumExp);
        }
    }
}
