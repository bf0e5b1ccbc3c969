package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TokenCounts;
import dev.tempera.TokenHistory;
import dev.tempera.TokenScope;

/**
 * A repetition penalty that is weaker for the older half of the window: of n tokens, the {@code n / 2} oldest (rounded
 * down) have the penalty {@code 1 + (penalty - 1) * slope}, the others {@code penalty}. Each token seen, once, by its
 * newest occurrence: {@code logit > 0 ? logit / penalty : logit * penalty}.
 *
 * <p>As koboldcpp's {@code rep_pen_slope}, which counts the prompt and leaves a penalty of at most 1 as it is. Zero
 * stays zero, -inf stays -inf, and a finite logit finite. Immutable and thread-safe. O(window), no allocation.
 *
 * @param penalty greater than 0; above 1 discourages, below 1 encourages, 1 changes nothing
 * @param slope finite and at least 0; 1 makes it a {@link RepetitionPenalty}, 0 spares the older half
 * @param window how many tokens to look back, at least 1; {@link Integer#MAX_VALUE} for all
 * @param scope whether the prompt counts
 */
public record SlopedRepetitionPenalty(double penalty, double slope, int window, TokenScope scope)
        implements LogitsProcessor {
    /** @throws InvalidParametersException if a value is outside its range */
    public SlopedRepetitionPenalty {
        Penalties.requireFactor("repetition_penalty", penalty);
        Require.that(slope >= 0 && Double.isFinite(slope), "slope", "be a finite number of at least 0", slope);
        Penalties.requireWindow(window);
    }

    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        TokenTable seen = new TokenTable(); // scratch space
        return (logits, current) -> penalise(logits, current.history(), seen);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        penalise(logits, context.history(), new TokenTable());
    }

    private void penalise(Logits logits, TokenHistory history, TokenTable seen) {
        seen.clear();
        TokenCounts counted = history.counts(scope, window);
        int size = Math.min(history.size(scope), window);
        int near = size - size / 2;
        float factor = (float) penalty;
        float farFactor = penalty > 1 ? Penalties.finite(1 + (penalty - 1) * slope) : factor;
        for (int age = 0; age < size; age++) {
            int tokenId = history.get(history.size() - 1 - age);
            if (counted.countOf(tokenId) > 0 && seen.add(tokenId, 1)) {
                float here = age < near ? factor : farFactor;
                logits.setToken(tokenId, Penalties.discouraged(logits.ofToken(tokenId), here));
            }
        }
    }
}
