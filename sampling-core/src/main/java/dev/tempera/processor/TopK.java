package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.Ties;

/**
 * Keeps the k most probable tokens: {@code logit_i >= k-th largest logit}.
 *
 * <p>Source: Fan et al. 2018, arXiv 1805.04833. With {@link Ties#KEEP_ALL} as transformers' {@code TopKLogitsWarper} and
 * vLLM: all that tie with the k-th stay, so more than k may remain. With {@link Ties#LOWEST_IDS} exactly k, as llama.cpp.
 * If fewer than k logits are above -inf, nothing changes. Immutable and thread-safe. O(size), no allocation.
 *
 * @param k at least 1
 */
public record TopK(int k, Ties ties) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if k is less than 1 */
    public TopK {
        Require.that(k >= 1, "top_k", "be at least 1", k);
    }

    /** Ties with the k-th stay. */
    public TopK(int k) {
        this(k, Ties.KEEP_ALL);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        logits.retainTop(k, ties);
    }
}
