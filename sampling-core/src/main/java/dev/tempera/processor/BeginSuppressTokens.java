package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TokenHistory;
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
 * @param skipsForcedBos whether it is one position later after a prompt of at most one token, where {@link ForcedBos}
 *     chooses the first one: as transformers beside a {@code forced_bos_token_id}
 */
public record BeginSuppressTokens(List<Integer> tokenIds, int beginIndex, TokenScope scope, boolean skipsForcedBos)
        implements LogitsProcessor {
    private static final String NAME = "begin_suppress_tokens";

    /** @throws dev.tempera.InvalidParametersException if the list is empty, or an id or the index is negative */
    public BeginSuppressTokens {
        tokenIds = TokenIds.set(NAME, tokenIds);
        Require.that(beginIndex >= 0, "begin_index", "be at least 0", beginIndex);
    }

    /** However long the prompt is. */
    public BeginSuppressTokens(List<Integer> tokenIds, int beginIndex, TokenScope scope) {
        this(tokenIds, beginIndex, scope, false);
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
        TokenHistory history = context.history();
        int later = skipsForcedBos && history.promptSize() <= 1 ? 1 : 0;
        if (history.size(scope) - later == beginIndex) {
            for (int tokenId : suppressed) {
                logits.mask(tokenId);
            }
        }
    }
}
