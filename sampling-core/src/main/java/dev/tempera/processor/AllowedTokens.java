package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import java.util.List;

/**
 * Masks every token that is not in the list. As vLLM's {@code allowed_token_ids}. Immutable and thread-safe. O(size), no
 * allocation.
 *
 * @param tokenIds at least one; kept sorted and distinct
 */
public record AllowedTokens(List<Integer> tokenIds) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if the list is empty or an id is negative */
    public AllowedTokens {
        tokenIds = tokenIds.stream().distinct().sorted().toList();
        Require.that(!tokenIds.isEmpty(), "allowed_token_ids", "name at least one token", "none");
        Require.that(tokenIds.get(0) >= 0, "allowed_token_ids", "be at least 0", tokenIds.get(0));
    }

    /** @throws dev.tempera.InvalidParametersException if an id is outside the vocabulary */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int largest = tokenIds.get(tokenIds.size() - 1);
        int rows = context.vocabulary().rows();
        Require.that(largest < rows, "allowed_token_ids", "be below " + rows, largest);
        int[] allowed = ids();
        return (logits, ignored) -> logits.maskAllExcept(allowed);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        logits.maskAllExcept(ids());
    }

    private int[] ids() {
        return tokenIds.stream().mapToInt(Integer::intValue).toArray();
    }
}
