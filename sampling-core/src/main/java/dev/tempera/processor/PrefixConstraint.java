package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TokenHistory;
import java.util.Arrays;

/**
 * Masks every token that a function of the text so far does not allow. As transformers'
 * {@code prefix_allowed_tokens_fn}. A function cannot be written in JSON, so this processor has no name there: add it
 * in Java. Immutable, and thread-safe if the function is. O(size + n log n) for n allowed tokens.
 *
 * @param allowed must depend on the history alone
 */
public record PrefixConstraint(Allowed allowed) implements LogitsProcessor {
    /** Which tokens may follow. */
    @FunctionalInterface
    public interface Allowed {
        /** At least one token id, in any order. The array is not changed. The history has the prompt, too. */
        int[] after(TokenHistory history);
    }

    /** @throws InvalidParametersException if the function allows no token, or one that is outside the vocabulary */
    @Override
    public void process(Logits logits, SamplingContext context) {
        int[] tokenIds = allowed.after(context.history());
        if (!ascends(tokenIds)) {
            tokenIds = tokenIds.clone();
            Arrays.sort(tokenIds);
        }
        int size = context.history().size();
        String name = "the prefix function";
        if (tokenIds.length == 0) {
            Require.that(false, name, "allow at least one token", "none after " + size + " tokens");
        }
        int rows = logits.vocabularySize();
        int worst = tokenIds[0] < 0 ? tokenIds[0] : tokenIds[tokenIds.length - 1];
        if (worst < 0 || worst >= rows) {
            Require.that(false, name, "allow token ids in [0, " + rows + ")", worst + " after " + size + " tokens");
        }
        logits.maskAllExcept(tokenIds);
    }

    private static boolean ascends(int[] tokenIds) {
        for (int i = 1; i < tokenIds.length; i++) {
            if (tokenIds[i] < tokenIds[i - 1]) {
                return false;
            }
        }
        return true;
    }
}
