package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TokenHistory;
import java.util.List;

/**
 * Lets no n-gram of an input come again: masks a token that would complete, with the {@code ngramSize - 1} tokens
 * before it, an n-gram of the input.
 *
 * <p>As transformers' {@code EncoderNoRepeatNGramLogitsProcessor}: of a model with an encoder the input is what that
 * read, of a decoder the prompt. The tokens before may be the prompt's. Leaves no candidate if each would complete
 * one. Immutable and thread-safe. O(input) per token, no allocation.
 *
 * @param ngramSize tokens of an n-gram, at least 1
 * @param inputTokenIds the input; empty for the prompt of the sequence
 */
public record EncoderNoRepeatNGram(int ngramSize, List<Integer> inputTokenIds) implements LogitsProcessor {
    /** @throws InvalidParametersException if the size is below 1, or an id is negative */
    public EncoderNoRepeatNGram {
        Require.that(ngramSize >= 1, "encoder_no_repeat_ngram_size", "be at least 1", ngramSize);
        inputTokenIds = EncoderInput.of(inputTokenIds);
    }

    /** Of the prompt. */
    public EncoderNoRepeatNGram(int ngramSize) {
        this(ngramSize, List.of());
    }

    /** @throws InvalidParametersException if an id is outside the vocabulary */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int[] input = EncoderInput.of(inputTokenIds, context);
        return (logits, current) -> mask(logits, current.history(), input);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        mask(logits, context.history(), EncoderInput.of(inputTokenIds, context));
    }

    private void mask(Logits logits, TokenHistory history, int[] input) {
        if (history.size() < ngramSize - 1) {
            return;
        }
        for (int last = ngramSize - 1; last < input.length; last++) {
            if (endsAsBefore(history, input, last)) {
                logits.mask(input[last]);
            }
        }
    }

    /** Whether the text ends in the tokens that stand before this position of the input. */
    private boolean endsAsBefore(TokenHistory history, int[] input, int position) {
        for (int i = 1; i < ngramSize; i++) {
            if (history.get(history.size() - i) != input[position - i]) {
                return false;
            }
        }
        return true;
    }
}
