package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import dev.tempera.TokenCounts;
import dev.tempera.TokenScope;

/**
 * Subtracts the penalty for every occurrence of a token: {@code logit -= count * penalty}.
 *
 * <p>OpenAI's definition. As vLLM, which counts generated tokens only, and llama.cpp, which counts a window of
 * everything. Immutable and thread-safe. O(distinct tokens), no allocation.
 *
 * @param penalty finite; positive discourages repetition, negative encourages it, 0 changes nothing
 * @param window how many tokens to look back, at least 1; {@link Integer#MAX_VALUE} for all
 * @param scope whether the prompt counts
 */
public record FrequencyPenalty(double penalty, int window, TokenScope scope) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if the penalty is not finite or the window is below 1 */
    public FrequencyPenalty {
        Penalties.requireFinite("frequency_penalty", penalty);
        Penalties.requireWindow(window);
    }

    /** Over generated tokens. */
    public FrequencyPenalty(double penalty) {
        this(penalty, Integer.MAX_VALUE, TokenScope.GENERATED);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        TokenCounts seen = context.history().counts(scope, window);
        for (int i = 0; i < seen.size(); i++) {
            if (seen.count(i) > 0) {
                logits.addToToken(seen.tokenId(i), Penalties.finite(-(seen.count(i) * penalty)));
            }
        }
    }
}
