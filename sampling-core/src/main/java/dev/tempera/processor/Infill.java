package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import dev.tempera.Vocabulary;

/**
 * For filling in the middle of a text: ends it as soon as the model is not sure how to go on. To stand after a top-k or
 * top-p.
 *
 * <p>As llama.cpp's {@code infill}. With S the probability of all stop tokens and n the number of candidates:
 *
 * <ol>
 *   <li>if {@code 3 S n > 1 - S}, only the stop tokens stay;
 *   <li>by falling probability, a token and one whose text begins with its text become one: the more likely of them,
 *       with both probabilities, stands for both;
 *   <li>those of at least 0.2 stay, and the stop tokens; if there are only these, the text ends;
 *   <li>of the m others, renormalised together with the stop tokens, those of at least {@code 1 / (m + 1)} stay.
 * </ol>
 *
 * <p>The logits of what stays are as they were: in llama.cpp, too, the draw does not see the added probabilities. Where
 * it brings the end-of-turn token back although a cut before removed it, here the most likely token stays. Looks at no
 * more than the 1,000 most likely tokens. Markup has no text. Immutable and thread-safe. O(n^2) comparisons of texts;
 * no allocation per token on a sequence once their bytes are known.
 */
public record Infill() implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if the vocabulary has no tokenizer */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        Vocabulary vocabulary = context.vocabulary();
        for (int id = 0; id < vocabulary.rows(); id++) {
            if (vocabulary.isToken(id)) {
                vocabulary.bytes(id);
                break;
            }
        }
        InfillCut cut = new InfillCut(vocabulary, context.stopTokenIds());
        return (logits, ignored) -> cut.apply(logits);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        new InfillCut(context.vocabulary(), context.stopTokenIds()).apply(logits);
    }
}
