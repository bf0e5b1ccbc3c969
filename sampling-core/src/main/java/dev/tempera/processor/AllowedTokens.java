package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import java.util.List;

/**
 * Masks every token that is not in the list. As vLLM's {@code allowed_token_ids}. Immutable and thread-safe. O(size), no
 * allocation.
 *
 * @param tokenIds at least one; kept sorted and distinct
 */
public record AllowedTokens(List<Integer> tokenIds) implements LogitsProcessor {
    private static final String NAME = "allowed_token_ids";

    /** @throws dev.tempera.InvalidParametersException if the list is empty or an id is negative */
    public AllowedTokens {
        tokenIds = TokenIds.set(NAME, tokenIds);
    }

    /** @throws dev.tempera.InvalidParametersException if an id is outside the vocabulary */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int[] allowed = TokenIds.of(NAME, tokenIds, context);
        return (logits, ignored) -> logits.maskAllExcept(allowed);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        logits.maskAllExcept(TokenIds.array(tokenIds));
    }
}
