package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;

/**
 * Forces the token that follows a single one: the only candidate, with logit 0, when prompt and output have one token
 * together. As transformers' {@code forced_bos_token_id}, where that one is the decoder's start token; after a longer
 * prompt nothing happens, and {@link ForcedTokens} forces how the output begins. A token that is masked already is not
 * forced, unless {@code overMasks}: then it is as in transformers the only one all the same. Immutable and
 * thread-safe. O(size) at that position, no allocation.
 *
 * @param tokenId at least 0
 * @param overMasks whether it also comes back if a processor before this one masked it
 */
public record ForcedBos(int tokenId, boolean overMasks) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if the id is negative */
    public ForcedBos {
        Require.that(tokenId >= 0, "forced_bos_token_id", "be at least 0", tokenId);
    }

    /** A ban holds. */
    public ForcedBos(int tokenId) {
        this(tokenId, false);
    }

    /** @throws dev.tempera.InvalidParametersException if the id is outside the vocabulary */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int rows = context.vocabulary().rows();
        Require.that(tokenId < rows, "forced_bos_token_id", "be below " + rows, tokenId);
        return this;
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        if (context.history().size() == 1) {
            Forcing.force(logits, new int[] {tokenId}, overMasks); // once in a sequence
        }
    }
}
