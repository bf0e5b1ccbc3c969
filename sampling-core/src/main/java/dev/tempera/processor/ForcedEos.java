package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TokenScope;
import java.util.List;

/**
 * Forces the last token that a length allows: at position {@code maxLength - 1} the given tokens are the only
 * candidates, each with logit 0, so that they are equally likely. As transformers' {@code forced_eos_token_id}, where
 * {@code max_length} counts the prompt (scope {@code PROMPT_AND_GENERATED}). Tokens that are masked already are not
 * forced, and if all are, the position stays as it is; unless {@code overMasks}: then they are as in transformers the
 * only ones all the same. Immutable and thread-safe. O(size) at that position, no allocation.
 *
 * @param tokenIds at least one; kept sorted and distinct
 * @param maxLength how many tokens of the scope there may be, the forced one included; at least 1
 * @param overMasks whether they also come back if a processor before this one masked them
 */
public record ForcedEos(List<Integer> tokenIds, int maxLength, TokenScope scope, boolean overMasks)
        implements LogitsProcessor {
    private static final String NAME = "forced_eos_token_id";

    /** @throws dev.tempera.InvalidParametersException if the list is empty, an id negative or the length below 1 */
    public ForcedEos {
        tokenIds = TokenIds.set(NAME, tokenIds);
        Require.that(maxLength >= 1, "max_length", "be at least 1", maxLength);
    }

    /** A ban holds. */
    public ForcedEos(List<Integer> tokenIds, int maxLength, TokenScope scope) {
        this(tokenIds, maxLength, scope, false);
    }

    /** Counts the prompt; a ban holds. */
    public ForcedEos(int tokenId, int maxLength) {
        this(List.of(tokenId), maxLength, TokenScope.PROMPT_AND_GENERATED);
    }

    /** @throws dev.tempera.InvalidParametersException if an id is outside the vocabulary */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int[] forced = TokenIds.of(NAME, tokenIds, context);
        return (logits, current) -> force(logits, current, forced);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        force(logits, context, TokenIds.array(tokenIds));
    }

    private void force(Logits logits, SamplingContext context, int[] forced) {
        if (context.history().size(scope) == maxLength - 1) {
            Forcing.force(logits, forced, overMasks);
        }
    }
}
