package com.example.shortsentences;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;

/**
 * Makes the end of a sentence likelier with each of its tokens: adds {@code slope * length} to the end token's logit,
 * length being the number of generated tokens since the last one. Immutable and thread-safe.
 */
public record ShortSentences(int endTokenId, double slope) implements LogitsProcessor {
    public ShortSentences {
        Require.that(slope > 0 && slope < 100, "slope", "be between 0 and 100", slope);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        int length = 0;
        for (int i = context.history().size(); i > context.history().promptSize(); i--) {
            if (context.history().get(i - 1) == endTokenId) {
                break;
            }
            length++;
        }
        logits.addToToken(endTokenId, (float) (slope * length));
    }
}
