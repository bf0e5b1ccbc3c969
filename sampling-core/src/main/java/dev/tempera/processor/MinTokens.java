package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TokenScope;

/**
 * Masks every stop token while the scope has fewer than {@code minTokens} tokens. Of generated tokens: vLLM's
 * {@code min_tokens} and transformers' {@code min_new_tokens}; with the prompt: transformers' {@code min_length}. Stop
 * strings are the engine's concern: it does not look for them before. Immutable and thread-safe. O(number of stop
 * tokens), no allocation.
 *
 * @param minTokens at least 0
 */
public record MinTokens(int minTokens, TokenScope scope) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if the number is negative */
    public MinTokens {
        Require.that(minTokens >= 0, "min_tokens", "be at least 0", minTokens);
    }

    /** Of generated tokens. */
    public MinTokens(int minTokens) {
        this(minTokens, TokenScope.GENERATED);
    }

    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int[] stopTokenIds = context.stopTokenIds();
        return (logits, current) -> mask(logits, current, stopTokenIds);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        mask(logits, context, context.stopTokenIds());
    }

    private void mask(Logits logits, SamplingContext context, int[] stopTokenIds) {
        if (context.history().size(scope) < minTokens) {
            for (int tokenId : stopTokenIds) {
                logits.mask(tokenId);
            }
        }
    }
}
