package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TokenHistory;
import java.util.List;

/** What an encoder read, or the prompt in its place. */
final class EncoderInput {
    private static final String NAME = "input_token_ids";

    private EncoderInput() {}

    /** @throws InvalidParametersException if an id is negative */
    static List<Integer> of(List<Integer> tokenIds) {
        for (int tokenId : tokenIds) {
            Require.that(tokenId >= 0, NAME, "be at least 0", tokenId);
        }
        return List.copyOf(tokenIds);
    }

    /** @throws InvalidParametersException if an id is outside the vocabulary */
    static int[] of(List<Integer> tokenIds, SamplingContext context) {
        if (!tokenIds.isEmpty()) {
            return TokenIds.of(NAME, tokenIds, context);
        }
        TokenHistory history = context.history();
        int[] prompt = new int[history.promptSize()];
        for (int i = 0; i < prompt.length; i++) {
            prompt[i] = history.get(i);
        }
        return prompt;
    }
}
