package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TokenCounts;
import dev.tempera.TokenHistory;
import dev.tempera.TokenScope;
import dev.tempera.Vocabulary;
import java.util.List;

/**
 * "Don't repeat yourself": lowers a token that would go on with a repetition, the more the longer that is. If the text
 * ends in the L tokens that stood before an earlier occurrence of the token, L the longest such length and at least
 * {@code allowedLength}: {@code logit -= multiplier * base^(L - allowedLength)}.
 *
 * <p>Source: p-e-w 2024, oobabooga/text-generation-webui pull request 5677. As llama.cpp's {@code dry} sampler, prompt
 * included: nothing happens while the text is no longer than {@code allowedLength}; L ends at the nearest sequence
 * breaker; a breaker of one token is never lowered; the exponent is limited so that the power stays below
 * 2<sup>128</sup>. A breaker given as text is found in every tokenisation that does not split one of its characters:
 * tokens that contain it, and tokens that end in its beginning before the tokens of the rest. llama.cpp cuts such a
 * text after 40 bytes, here it counts whole. Chat markup that penalties do not count is not lowered. A finite logit
 * stays finite. Immutable and thread-safe. O(window) per token, no allocation once the text has stopped growing; texts
 * cost a pass over the vocabulary when the first sequence with them starts.
 *
 * @param multiplier finite; 0 changes nothing
 * @param base finite; below 1 changes nothing
 * @param allowedLength tokens that may be repeated freely, at least 0
 * @param window how many tokens to look back, at least 1; {@link Integer#MAX_VALUE} for all
 * @param breakerTokenIds sequence breakers as token ids, none empty
 * @param breakers sequence breakers as text, none empty
 */
public record Dry(
        double multiplier,
        double base,
        int allowedLength,
        int window,
        List<List<Integer>> breakerTokenIds,
        List<String> breakers)
        implements LogitsProcessor {
    /** The texts that llama.cpp and its kin break sequences at: newline, colon, double quote, asterisk. */
    public static final List<String> USUAL_BREAKERS = List.of("\n", ":", "\"", "*");

    private static final double LN_LARGEST_FLOAT = 88.7228391;

    /** @throws InvalidParametersException if a value is outside its range, or a breaker is empty */
    public Dry {
        Penalties.requireFinite("dry_multiplier", multiplier);
        Penalties.requireFinite("dry_base", base);
        Require.that(allowedLength >= 0, "dry_allowed_length", "be at least 0", allowedLength);
        Penalties.requireWindow(window);
        breakerTokenIds = breakerTokenIds.stream().map(List::copyOf).toList();
        for (List<Integer> sequence : breakerTokenIds) {
            Require.that(!sequence.isEmpty(), "dry_breaker_token_ids", "hold no empty sequence", breakerTokenIds);
            for (int tokenId : sequence) {
                Require.that(tokenId >= 0, "dry_breaker_token_ids", "hold token ids of at least 0", tokenId);
            }
        }
        breakers = List.copyOf(breakers);
        for (String breaker : breakers) {
            Require.that(!breaker.isEmpty(), "dry_breakers", "hold no empty text", breakers);
        }
    }

    /** Base 1.75, two tokens free, over the whole text, without breakers. */
    public Dry(double multiplier) {
        this(multiplier, 1.75, 2, Integer.MAX_VALUE, List.of(), List.of());
    }

    /** @throws InvalidParametersException if an id is outside the vocabulary, or its tokens have no text */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        Vocabulary vocabulary = context.vocabulary();
        for (List<Integer> sequence : breakerTokenIds) {
            for (int tokenId : sequence) {
                Require.that(
                        tokenId < vocabulary.rows(),
                        "dry_breaker_token_ids",
                        "hold token ids below " + vocabulary.rows(),
                        tokenId);
            }
        }
        return new OfSequence(SequenceBreakers.of(breakerTokenIds, breakers, vocabulary));
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        forSequence(context).process(logits, context);
    }

    /** Scratch space, no state: all that matters is in the history. */
    private final class OfSequence implements LogitsProcessor {
        private final SequenceBreakers breakers;
        private final double lnBase;
        private final int maxExponent;
        private final TokenTable longest = new TokenTable();
        private int[] newestFirst = new int[0];
        private int[] repeated = new int[0];

        OfSequence(SequenceBreakers breakers) {
            this.breakers = breakers;
            // llama.cpp sets no limit where the power grows too slowly to need one.
            lnBase = StrictMath.log(base);
            maxExponent = base > 1.000001 ? (int) (LN_LARGEST_FLOAT / lnBase) : Integer.MAX_VALUE;
        }

        @Override
        public void process(Logits logits, SamplingContext context) {
            int size = Math.min(context.history().size(), window);
            if (multiplier == 0 || base < 1 || size <= allowedLength) {
                return;
            }
            read(context.history(), size);
            int limit = breakers.tokensAfter(newestFirst, size);
            if (limit < allowedLength) {
                return;
            }
            findRepeated(size);
            longest.clear();
            for (int k = 1; k < size; k++) {
                int length = Math.min(repeated[k], limit);
                if (length >= allowedLength) {
                    longest.raise(newestFirst[k - 1], length);
                }
            }
            TokenCounts counted = context.history().counts(TokenScope.PROMPT_AND_GENERATED, window);
            for (int i = 0; i < longest.size(); i++) {
                int tokenId = longest.tokenId(i);
                if (!breakers.breaks(tokenId) && counted.countOf(tokenId) > 0) {
                    lower(logits, tokenId, longest.value(i) - allowedLength);
                }
            }
        }

        private void read(TokenHistory history, int size) {
            if (newestFirst.length < size) {
                newestFirst = new int[Math.max(64, size + size / 2)];
                repeated = new int[newestFirst.length];
            }
            for (int i = 0; i < size; i++) {
                newestFirst[i] = history.get(history.size() - 1 - i);
            }
        }

        /** Gusfield's Z: for every k, how many of the newest tokens also end k tokens before the end. */
        private void findRepeated(int size) {
            int start = 0; // of the match that reaches furthest back
            int end = 0; // past it
            for (int k = 1; k < size; k++) {
                int length = k < end ? Math.min(repeated[k - start], end - k) : 0;
                while (k + length < size && newestFirst[length] == newestFirst[k + length]) {
                    length++;
                }
                repeated[k] = length;
                if (k + length > end) {
                    start = k;
                    end = k + length;
                }
            }
        }

        private void lower(Logits logits, int tokenId, long exponent) {
            float logit = logits.ofToken(tokenId);
            if (Float.isFinite(logit)) {
                double penalty = multiplier * StrictMath.exp(lnBase * Math.min(exponent, maxExponent)); // pow allocates
                double lowered = Math.max(-Float.MAX_VALUE, Math.min(Float.MAX_VALUE, logit - penalty));
                logits.setToken(tokenId, (float) lowered);
            }
        }
    }
}
