package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TokenHistory;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Adds a number to the logit of a sequence's last token when the text ends in the tokens before it. The biases of all
 * sequences that a token would complete add up. -inf forbids.
 *
 * <p>As transformers' {@code SequenceBiasLogitsProcessor}, prompt included; there a sequence of several tokens must be no
 * longer than the text so far, {@link #wholeSequenceMustFit}. Immutable and thread-safe. O(total length of the
 * sequences), no allocation.
 *
 * @param biases by token sequence, none empty; finite or -inf
 * @param wholeSequenceMustFit transformers' rule; without it the tokens before the last one need to fit
 */
public record SequenceBias(Map<List<Integer>, Double> biases, boolean wholeSequenceMustFit) implements LogitsProcessor {
    /** @throws InvalidParametersException if a sequence is empty, an id negative, or a bias neither finite nor -inf */
    public SequenceBias {
        Map<List<Integer>, Double> copy = new LinkedHashMap<>();
        biases.forEach((sequence, bias) -> {
            Require.that(!sequence.isEmpty(), "sequence_bias", "hold no empty token sequence", sequence);
            for (int tokenId : sequence) {
                Require.that(tokenId >= 0, "sequence_bias", "hold token ids of at least 0", tokenId);
            }
            Require.that(
                    bias == Double.NEGATIVE_INFINITY || Math.abs(bias) <= Float.MAX_VALUE,
                    "sequence_bias of " + sequence,
                    "be a finite number or -inf",
                    bias);
            copy.put(List.copyOf(sequence), bias);
        });
        Require.that(!copy.isEmpty(), "sequence_bias", "name at least one sequence", "none");
        biases = Collections.unmodifiableMap(copy);
    }

    /** transformers' rule. */
    public SequenceBias(Map<List<Integer>, Double> biases) {
        this(biases, true);
    }

    /** @throws InvalidParametersException if an id is outside the vocabulary */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int rows = context.vocabulary().rows();
        int[][] sequences = new int[biases.size()][];
        float[] deltas = new float[sequences.length];
        int n = 0;
        for (Map.Entry<List<Integer>, Double> entry : biases.entrySet()) {
            sequences[n] = entry.getKey().stream().mapToInt(Integer::intValue).toArray();
            for (int tokenId : sequences[n]) {
                Require.that(tokenId < rows, "sequence_bias", "hold token ids below " + rows, tokenId);
            }
            deltas[n++] = entry.getValue().floatValue();
        }
        return (logits, current) -> add(logits, current.history(), sequences, deltas);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        forSequence(context).process(logits, context);
    }

    private void add(Logits logits, TokenHistory history, int[][] sequences, float[] deltas) {
        for (int i = 0; i < sequences.length; i++) {
            int[] sequence = sequences[i];
            int before = sequence.length - 1;
            int needed = wholeSequenceMustFit && before > 0 ? sequence.length : before;
            if (needed <= history.size() && BadWords.endsWith(history, sequence, before)) {
                logits.addToToken(sequence[before], deltas[i]);
            }
        }
    }
}
