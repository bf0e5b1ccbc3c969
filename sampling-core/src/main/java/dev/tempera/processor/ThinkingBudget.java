package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import java.util.List;

/**
 * Lets a model think for so many tokens and then closes the block: forces the message, if there is one, and the end
 * marker, token by token. As vLLM's {@code thinking_token_budget} and llama.cpp's {@code --reasoning-budget}.
 *
 * <p>Idle until the text ends in the start marker; then every token counts. The end marker, when the model writes it
 * itself, ends the count; after {@code budget} tokens without it the closing is forced, but not within a character
 * whose bytes are not all there. If the text then ends in a beginning of the closing, the rest is forced. Every block
 * has the whole budget; a start marker within a block begins no other (in vLLM's second model runner it starts the count
 * anew). A prompt that ends inside a block has used up what it holds of it, as in vLLM.
 *
 * <p>A forced token is the only candidate, with logit 0; one that is masked already is not forced: it is tried again at
 * the next position, an end marker from its first token on. So put this processor before those that cut candidates off.
 *
 * <p>Immutable and thread-safe. O(length of the markers) per token, O(size) where it forces, no allocation.
 *
 * @param budget how many tokens may come between the markers, at least 0
 * @param start what opens a block
 * @param end what closes it
 * @param message what is forced before the end, may be empty
 */
public record ThinkingBudget(int budget, Marker start, Marker end, Marker message) implements LogitsProcessor {
    /** What Qwen3, DeepSeek-R1 and most others write. */
    public static final Marker THINK = Marker.of("<think>");

    /** See {@link #THINK}. */
    public static final Marker END_OF_THINK = Marker.of("</think>");

    /** No message. */
    public static final Marker NOTHING = Marker.of("");

    /**
     * A piece of text that stands in the history as certain tokens: those given, or else those of the text, encoded when
     * a sequence starts.
     */
    public record Marker(String text, List<Integer> tokenIds) {
        /** @throws InvalidParametersException if there is a text beside the ids, or an id is negative */
        public Marker {
            tokenIds = List.copyOf(tokenIds);
            Require.that(text.isEmpty() || tokenIds.isEmpty(), "marker", "be a text or token ids", "both");
            for (int tokenId : tokenIds) {
                Require.that(tokenId >= 0, "marker", "hold token ids of at least 0", tokenId);
            }
        }

        public static Marker of(String text) {
            return new Marker(text, List.of());
        }

        public static Marker ofTokenIds(List<Integer> tokenIds) {
            return new Marker("", tokenIds);
        }

        boolean isEmpty() {
            return text.isEmpty() && tokenIds.isEmpty();
        }

        int[] encode(String name, SamplingContext context) {
            if (text.isEmpty()) {
                return TokenIds.of(name, tokenIds, context);
            }
            int[] encoded = context.vocabulary().encode(text);
            if (encoded.length == 0) {
                Require.that(false, name, "be a text that the tokenizer can write", "\"" + text + "\"");
            }
            return encoded;
        }
    }

    /** @throws InvalidParametersException if the budget is negative or a marker empty */
    public ThinkingBudget {
        Require.that(budget >= 0, "budget", "be at least 0", budget);
        Require.that(!start.isEmpty(), "start", "be a text or token ids", "none");
        Require.that(!end.isEmpty(), "end", "be a text or token ids", "none");
        Require.that(!start.equals(end), "end", "differ from start", start);
    }

    /** Between {@code <think>} and {@code </think>}, without a message. */
    public static ThinkingBudget of(int budget) {
        return new ThinkingBudget(budget, THINK, END_OF_THINK, NOTHING);
    }

    /** @throws InvalidParametersException if a text cannot be encoded, or an id is outside the vocabulary */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int[] closing = end.encode("end", context);
        int[] before = message.encode("message", context);
        int[] forced = new int[before.length + closing.length];
        System.arraycopy(before, 0, forced, 0, before.length);
        System.arraycopy(closing, 0, forced, before.length, closing.length);
        return new ThinkingWatch(budget, start.encode("start", context), closing, forced, context);
    }

    /** As on a sequence that starts here: what was forced so far is taken from how the text ends. */
    @Override
    public void process(Logits logits, SamplingContext context) {
        forSequence(context).process(logits, context);
    }
}
