package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import dev.tempera.TokenCounts;
import dev.tempera.TokenScope;

/**
 * Subtracts alpha once from every distinct token already seen, prompt included: {@code for id in set(tokens):
 * logit[id] -= alpha}.
 *
 * <p>The diversity penalty that application code adds by hand around engines without one; with the scope {@code
 * GENERATED} it equals {@link PresencePenalty}. Immutable and thread-safe. O(distinct tokens), no allocation.
 *
 * @param alpha finite; positive discourages repetition, negative encourages it, 0 changes nothing
 * @param window how many tokens to look back, at least 1; {@link Integer#MAX_VALUE} for all
 * @param scope whether the prompt counts
 */
public record DistinctTokenPenalty(double alpha, int window, TokenScope scope) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if the alpha is not finite or the window is below 1 */
    public DistinctTokenPenalty {
        Penalties.requireFinite("distinct_token_penalty", alpha);
        Penalties.requireWindow(window);
    }

    /** Over prompt and generated tokens. */
    public DistinctTokenPenalty(double alpha) {
        this(alpha, Integer.MAX_VALUE, TokenScope.PROMPT_AND_GENERATED);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        TokenCounts seen = context.history().counts(scope, window);
        for (int i = 0; i < seen.size(); i++) {
            if (seen.count(i) > 0) {
                logits.addToToken(seen.tokenId(i), (float) -alpha);
            }
        }
    }
}
