package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Adds a number to the logits of chosen tokens: {@code logit[id] += bias[id]}. -inf forbids a token.
 *
 * <p>As OpenAI's, vLLM's and llama.cpp's {@code logit_bias}. Immutable and thread-safe. O(number of biases), no
 * allocation.
 *
 * @param biases by token id; finite or -inf
 */
public record LogitBias(SortedMap<Integer, Double> biases) implements LogitsProcessor {
    /** @throws InvalidParametersException if a bias is neither finite nor -inf, or an id is negative */
    public LogitBias {
        biases = Collections.unmodifiableSortedMap(new TreeMap<>(biases));
        biases.forEach((tokenId, bias) -> {
            Require.that(tokenId >= 0, "logit_bias", "name token ids of at least 0", tokenId);
            Require.that(
                    bias == Double.NEGATIVE_INFINITY || Math.abs(bias) <= Float.MAX_VALUE,
                    "logit_bias[" + tokenId + "]",
                    "be a finite number or -inf",
                    bias);
        });
    }

    public LogitBias(Map<Integer, Double> biases) {
        this(new TreeMap<>(biases));
    }

    /** @throws InvalidParametersException if an id is outside the vocabulary */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int rows = context.vocabulary().rows();
        int[] tokenIds = new int[biases.size()];
        float[] deltas = new float[tokenIds.length];
        int n = 0;
        for (Map.Entry<Integer, Double> entry : biases.entrySet()) {
            Require.that(entry.getKey() < rows, "logit_bias", "name token ids below " + rows, entry.getKey());
            tokenIds[n] = entry.getKey();
            deltas[n++] = entry.getValue().floatValue();
        }
        return (logits, ignored) -> {
            for (int i = 0; i < tokenIds.length; i++) {
                logits.addToToken(tokenIds[i], deltas[i]);
            }
        };
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        biases.forEach((tokenId, bias) -> logits.addToToken(tokenId, bias.floatValue()));
    }
}
