package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TokenHistory;
import dev.tempera.TokenScope;
import java.util.ArrayList;
import java.util.List;

/**
 * Forbids token sequences: masks the last token of a sequence when the tokens before it are what the text ends in.
 *
 * <p>As vLLM's {@code bad_words} (scope {@code GENERATED}) and transformers' {@code NoBadWordsLogitsProcessor} (prompt
 * included; there a sequence must be no longer than the text so far, {@link #wholeWordMustFit}). A word given as text is
 * forbidden as it would be written at the start and after a space, as in vLLM; a text that the tokenizer can also write
 * with other tokens is not caught. Immutable and thread-safe. O(total length of the sequences), no allocation.
 *
 * @param tokenIds sequences of token ids, none empty
 * @param words texts, encoded by the vocabulary when a sequence starts
 * @param wholeWordMustFit transformers' rule: a sequence longer than the text so far is not looked at
 */
public record BadWords(List<List<Integer>> tokenIds, List<String> words, TokenScope scope, boolean wholeWordMustFit)
        implements LogitsProcessor {
    /** @throws InvalidParametersException if there is no word, a word is empty or an id is negative */
    public BadWords {
        tokenIds = tokenIds.stream().map(List::copyOf).toList();
        words = List.copyOf(words);
        Require.that(!tokenIds.isEmpty() || !words.isEmpty(), "bad_words", "name at least one word", "none");
        for (List<Integer> sequence : tokenIds) {
            Require.that(!sequence.isEmpty(), "bad_words_token_ids", "hold no empty token sequence", tokenIds);
            for (int tokenId : sequence) {
                Require.that(tokenId >= 0, "bad_words_token_ids", "hold token ids of at least 0", tokenId);
            }
        }
        for (String word : words) {
            Require.that(!word.isBlank(), "bad_words", "hold no blank word", words);
        }
    }

    /** vLLM's rule, for words. */
    public static BadWords of(String... words) {
        return new BadWords(List.of(), List.of(words), TokenScope.GENERATED, false);
    }

    /** vLLM's rule, for token ids. */
    public static BadWords ofTokenIds(List<List<Integer>> sequences) {
        return new BadWords(sequences, List.of(), TokenScope.GENERATED, false);
    }

    /** @throws InvalidParametersException if an id is outside the vocabulary, or it cannot encode text */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int[][] sequences = encode(context);
        return (logits, current) -> mask(logits, current.history(), sequences);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        mask(logits, context.history(), encode(context));
    }

    private int[][] encode(SamplingContext context) {
        List<int[]> sequences = new ArrayList<>();
        for (List<Integer> sequence : tokenIds) {
            sequences.add(sequence.stream().mapToInt(Integer::intValue).toArray());
        }
        for (String word : words) {
            String plain = word.stripLeading();
            int[] atStart = context.vocabulary().encode(plain);
            Require.that(
                    atStart.length > 0, "bad_words", "hold words that the tokenizer can write", "\"" + word + "\"");
            int[] afterSpace = context.vocabulary().encode(" " + plain);
            sequences.add(atStart);
            // A space that is a token of its own would forbid nothing more.
            if (afterSpace.length == atStart.length && afterSpace[0] != atStart[0]) {
                sequences.add(afterSpace);
            }
        }
        int rows = context.vocabulary().rows();
        for (int[] sequence : sequences) {
            for (int tokenId : sequence) {
                Require.that(tokenId < rows, "bad_words_token_ids", "hold token ids below " + rows, tokenId);
            }
        }
        return sequences.toArray(int[][]::new);
    }

    private void mask(Logits logits, TokenHistory history, int[][] sequences) {
        int start = scope == TokenScope.GENERATED ? history.promptSize() : 0;
        int available = history.size() - start;
        for (int[] sequence : sequences) {
            int before = sequence.length - 1;
            boolean fits = wholeWordMustFit && before > 0 ? sequence.length <= available : before <= available;
            if (fits && endsWith(history, sequence, before)) {
                logits.mask(sequence[before]);
            }
        }
    }

    static boolean endsWith(TokenHistory history, int[] sequence, int length) {
        int offset = history.size() - length;
        for (int i = 0; i < length; i++) {
            if (history.get(offset + i) != sequence[i]) {
                return false;
            }
        }
        return true;
    }
}
