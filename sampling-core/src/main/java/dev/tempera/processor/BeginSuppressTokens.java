package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TokenScope;
import java.util.List;

/**
 * Masks some tokens at one position alone, by default the first that is generated: a text cannot begin with them. As
 * transformers' {@code begin_suppress_tokens}, whose {@code begin_index} counts the prompt (scope
 * {@code PROMPT_AND_GENERATED}). Leaves no candidate if every one is in the list. Immutable and thread-safe. O(number of
 * ids) at that position, no allocation.
 *
 * @param tokenIds at least one; kept sorted and distinct
 * @param beginIndex the position, at least 0: how many tokens of the scope are before it
 */
public record BeginSuppressTokens(List<Integer> tokenIds, int beginIndex, TokenScope scope) implements LogitsProcessor {
    private static final String NAME = "begin_suppress_tokens";

    /** @throws dev.tempera.InvalidParametersException if the list is empty, or an id or the index is negative */
    public BeginSuppressTokens {
        tokenIds = TokenIds.set(NAME, tokenIds);
        Require.that(beginIndex >= 0, "begin_index", "be at least 0", beginIndex);
    }

    /** At the first generated token. */
    public BeginSuppressTokens(List<Integer> tokenIds) {
        this(tokenIds, 0, TokenScope.GENERATED);
    }

    /** @throws dev.tempera.InvalidParametersException if an id is outside the vocabulary */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int[] suppressed = TokenIds.of(NAME, tokenIds, context);
        return (logits, current) -> mask(logits, current, suppressed);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        mask(logits, context, TokenIds.array(tokenIds));
    }

    private void mask(Logits logits, SamplingContext context, int[] suppressed) {
        if (context.history().size(scope) == beginIndex) {
            for (int tokenId : suppressed) {
                logits.mask(tokenId);
            }
        }
    }
}
