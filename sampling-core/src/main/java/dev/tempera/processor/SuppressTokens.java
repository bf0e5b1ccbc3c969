package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import java.util.List;

/**
 * Masks some tokens at every position. As transformers' {@code suppress_tokens}; a {@link LogitBias} of -inf does the
 * same. Leaves no candidate if every one is in the list. Immutable and thread-safe. O(number of ids), no allocation.
 *
 * @param tokenIds at least one; kept sorted and distinct
 */
public record SuppressTokens(List<Integer> tokenIds) implements LogitsProcessor {
    private static final String NAME = "suppress_tokens";

    /** @throws dev.tempera.InvalidParametersException if the list is empty or an id is negative */
    public SuppressTokens {
        tokenIds = TokenIds.set(NAME, tokenIds);
    }

    /** @throws dev.tempera.InvalidParametersException if an id is outside the vocabulary */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int[] suppressed = TokenIds.of(NAME, tokenIds, context);
        return (logits, ignored) -> mask(logits, suppressed);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        mask(logits, TokenIds.array(tokenIds));
    }

    private static void mask(Logits logits, int[] suppressed) {
        for (int tokenId : suppressed) {
            logits.mask(tokenId);
        }
    }
}
