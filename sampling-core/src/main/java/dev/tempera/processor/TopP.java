package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;

/**
 * Nucleus sampling: keeps the smallest set of most probable tokens that weigh at least p, the token that crosses p
 * included. Sorted by falling probability, token j stays iff {@code sum_{i<j} p_i < p}.
 *
 * <p>Source: Holtzman et al. 2019, arXiv 1904.09751. The same set, in exact arithmetic, as transformers'
 * {@code TopPLogitsWarper}, vLLM and llama.cpp (whose float32 sum is visibly off at real vocabularies). Equal logits are
 * taken by rising token id. At least one token stays; 1 keeps all, 0 the most probable one. Immutable and thread-safe.
 *
 * @param p in [0, 1]
 * @param minKeep tokens that stay whatever p says, at least 1
 */
public record TopP(double p, int minKeep) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if p is outside [0, 1] or minKeep is less than 1 */
    public TopP {
        Require.that(p >= 0 && p <= 1, "top_p", "be in [0, 1]", p);
        Require.that(minKeep >= 1, "min_keep", "be at least 1", minKeep);
    }

    public TopP(double p) {
        this(p, 1);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        if (p < 1) {
            logits.retainMass(p, minKeep);
        }
    }
}
