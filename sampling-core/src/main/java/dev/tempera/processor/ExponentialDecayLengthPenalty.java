package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;

/**
 * Makes the end of the text more likely token by token once enough were generated: with n tokens generated, {@code n >
 * start}, every stop token's {@code logit := logit + |logit| (factor^(n - start) - 1)}.
 *
 * <p>As transformers' {@code ExponentialDecayLengthPenalty}. A logit of 0 stays 0, however long the text gets; a masked
 * stop token stays masked (transformers makes it NaN). Computed in double, at most the largest float. Immutable and
 * thread-safe. O(number of stop tokens), no allocation.
 *
 * @param start how many tokens are generated without any change, at least 0
 * @param factor finite, above 0; above 1 ends sooner, below 1 later, 1 changes nothing
 */
public record ExponentialDecayLengthPenalty(int start, double factor) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if start is negative, or the factor not finite and above 0 */
    public ExponentialDecayLengthPenalty {
        Require.that(start >= 0, "start", "be at least 0 tokens", start);
        Require.that(factor > 0 && factor <= Float.MAX_VALUE, "factor", "be a finite number greater than 0", factor);
    }

    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int[] stopTokenIds = context.stopTokenIds();
        return (logits, current) -> raise(logits, current, stopTokenIds);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        raise(logits, context, context.stopTokenIds());
    }

    private void raise(Logits logits, SamplingContext context, int[] stopTokenIds) {
        int late = context.history().generatedSize() - start;
        if (late <= 0) {
            return;
        }
        double growth = StrictMath.expm1(late * StrictMath.log(factor)); // StrictMath.pow allocates
        for (int tokenId : stopTokenIds) {
            float logit = logits.ofToken(tokenId);
            if (Math.abs(logit) <= Float.MAX_VALUE && logit != 0) {
                double raised = logit + Math.abs(logit) * growth;
                logits.setToken(tokenId, (float) Math.min(Float.MAX_VALUE, raised));
            }
        }
    }
}
