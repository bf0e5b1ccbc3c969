package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import java.util.ArrayList;
import java.util.List;

/**
 * Forces a run of generated tokens: from a position on, each in turn is the only candidate, with logit 0. As the
 * {@code forced_decoder_ids} that transformers had for Whisper. A token that is masked already is not forced: that
 * position stays as it is, and the next one goes on with the next token. Immutable and thread-safe. O(size) at those
 * positions, no allocation.
 *
 * @param tokenIds at least one, in the order in which they come
 * @param position how many generated tokens come before the first; at least 0
 */
public record ForcedTokens(List<Integer> tokenIds, int position) implements LogitsProcessor {
    private static final String NAME = "forced_tokens";

    /** @throws dev.tempera.InvalidParametersException if the list is empty, or an id or the position is negative */
    public ForcedTokens {
        tokenIds = List.copyOf(tokenIds);
        TokenIds.set(NAME, tokenIds);
        Require.that(position >= 0, "position", "be at least 0", position);
    }

    /** From the first generated token on. */
    public ForcedTokens(List<Integer> tokenIds) {
        this(tokenIds, 0);
    }

    /** @throws dev.tempera.InvalidParametersException if an id is outside the vocabulary */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        TokenIds.of(NAME, tokenIds, context);
        List<int[]> steps = new ArrayList<>(tokenIds.size());
        for (int tokenId : tokenIds) {
            steps.add(new int[] {tokenId});
        }
        return (logits, current) -> force(logits, current, steps);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        forSequence(context).process(logits, context);
    }

    private void force(Logits logits, SamplingContext context, List<int[]> steps) {
        int step = context.history().generatedSize() - position;
        if (step >= 0 && step < steps.size()) {
            Forcing.force(logits, steps.get(step));
        }
    }
}
