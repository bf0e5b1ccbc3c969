package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TokenHistory;
import dev.tempera.TokenScope;
import java.util.Arrays;
import java.util.List;

/**
 * Lets no n-gram come twice: masks a token that would complete, with the {@code ngramSize - 1} tokens before it, an
 * n-gram that stands in the text already. With an {@code ngramSize} of 1 no token comes twice.
 *
 * <p>As transformers' {@code NoRepeatNGramLogitsProcessor} and onnxruntime-genai's {@code no_repeat_ngram_size} over
 * the whole text, prompt included; with a window and exempt tokens as SGLang's {@code
 * DeepseekOCRNoRepeatNGramLogitProcessor}. Leaves no candidate if each would complete one. Immutable and thread-safe.
 * O(window) per token for a text that seldom repeats itself, O(window * ngramSize) at worst, no allocation.
 *
 * @param ngramSize tokens of an n-gram, at least 1
 * @param window how many tokens to look back for n-grams, at least 1; {@link Integer#MAX_VALUE} for all
 * @param scope whether n-grams of the prompt count
 * @param exemptTokenIds tokens that are never masked, such as those of a table; may be empty; kept sorted and distinct
 */
public record NoRepeatNGram(int ngramSize, int window, TokenScope scope, List<Integer> exemptTokenIds)
        implements LogitsProcessor {
    /** @throws InvalidParametersException if the size or the window is below 1, or an id is negative */
    public NoRepeatNGram {
        Require.that(ngramSize >= 1, "no_repeat_ngram_size", "be at least 1", ngramSize);
        Penalties.requireWindow(window);
        exemptTokenIds = exemptTokenIds.isEmpty() ? List.of() : TokenIds.set("exempt_token_ids", exemptTokenIds);
    }

    /** Over prompt and generated tokens. */
    public NoRepeatNGram(int ngramSize) {
        this(ngramSize, Integer.MAX_VALUE, TokenScope.PROMPT_AND_GENERATED, List.of());
    }

    /** @throws InvalidParametersException if an id is outside the vocabulary */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int[] exempt = TokenIds.of("exempt_token_ids", exemptTokenIds, context);
        return (logits, current) -> mask(logits, current.history(), exempt);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        mask(logits, context.history(), TokenIds.array(exemptTokenIds));
    }

    private void mask(Logits logits, TokenHistory history, int[] exempt) {
        int size = history.size();
        int start = Math.max(size - history.size(scope), window < size ? size - window : 0);
        if (ngramSize > size - start) {
            return;
        }
        for (int last = start + ngramSize - 1; last < size; last++) {
            int tokenId = history.get(last);
            if (endsAsBefore(history, last) && Arrays.binarySearch(exempt, tokenId) < 0) {
                logits.mask(tokenId);
            }
        }
    }

    /** Whether the text ends in the tokens that stand before this position. */
    private boolean endsAsBefore(TokenHistory history, int position) {
        for (int i = 1; i < ngramSize; i++) {
            if (history.get(history.size() - i) != history.get(position - i)) {
                return false;
            }
        }
        return true;
    }
}
