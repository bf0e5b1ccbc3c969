package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.Ties;

/**
 * Locally typical sampling: sorted by how far the surprise is from what is expected, {@code |-ln p_i - H|} with
 * {@code H = -sum p ln p}, keeps the smallest set that weighs p. The most likely token may go.
 *
 * <p>Source: Meister et al. 2022, "Locally Typical Sampling", arXiv 2202.00666. With {@link Ties#KEEP_ALL} as
 * transformers' {@code TypicalLogitsWarper}: the token at which the running sum reaches p stays, and so do all at the
 * same distance. With {@link Ties#LOWEST_IDS} as llama.cpp's {@code typical}: kept up to the first token at which the
 * sum exceeds p, one more than the former if it meets p exactly; of equals the lowest ids. Masked tokens count for
 * nothing (in llama.cpp they spoil the entropy). If the largest logit is +inf, those that are share the probability.
 * Immutable and thread-safe. O(size), one exponential a token; no allocation per token on a sequence.
 *
 * @param p in [0, 1]; 1 keeps everything
 * @param minKeep the first in that order, which stay whatever p says; at least 1
 */
public record TypicalP(double p, int minKeep, Ties ties) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if p is outside [0, 1] or minKeep is less than 1 */
    public TypicalP {
        Require.that(p >= 0 && p <= 1, "typical_p", "be in [0, 1]", p);
        Require.that(minKeep >= 1, "min_keep", "be at least 1", minKeep);
    }

    /** transformers' rule. */
    public TypicalP(double p) {
        this(p, 1, Ties.KEEP_ALL);
    }

    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        TypicalCut cut = new TypicalCut();
        return (logits, ignored) -> process(logits, cut);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        process(logits, new TypicalCut());
    }

    private void process(Logits logits, TypicalCut cut) {
        if (p < 1 && logits.max() > Float.NEGATIVE_INFINITY) {
            cut.apply(logits, p, minKeep, ties);
        }
    }
}
