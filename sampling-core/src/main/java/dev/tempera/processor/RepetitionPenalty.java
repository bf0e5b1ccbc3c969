package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import dev.tempera.TokenCounts;
import dev.tempera.TokenScope;

/**
 * Makes every token already seen less likely, once however often it occurred: {@code logit > 0 ? logit / penalty :
 * logit * penalty}.
 *
 * <p>Source: Keskar et al. 2019, CTRL, arXiv 1909.05858. As transformers' {@code RepetitionPenaltyLogitsProcessor}, vLLM
 * and llama.cpp (which looks at a window). Zero stays zero, -inf stays -inf, and a finite logit finite. Immutable and thread-safe. O(distinct
 * tokens), no allocation.
 *
 * @param penalty greater than 0; above 1 discourages, below 1 encourages, 1 changes nothing
 * @param window how many tokens to look back, at least 1; {@link Integer#MAX_VALUE} for all
 * @param scope whether the prompt counts; all peers count it
 */
public record RepetitionPenalty(double penalty, int window, TokenScope scope) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if the penalty is not finite and above 0, or the window below 1 */
    public RepetitionPenalty {
        Penalties.requireFactor("repetition_penalty", penalty);
        Penalties.requireWindow(window);
    }

    /** Over prompt and generated tokens. */
    public RepetitionPenalty(double penalty) {
        this(penalty, Integer.MAX_VALUE, TokenScope.PROMPT_AND_GENERATED);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        float factor = (float) penalty;
        TokenCounts seen = context.history().counts(scope, window);
        for (int i = 0; i < seen.size(); i++) {
            if (seen.count(i) > 0) {
                int tokenId = seen.tokenId(i);
                logits.setToken(tokenId, Penalties.discouraged(logits.ofToken(tokenId), factor));
            }
        }
    }
}
