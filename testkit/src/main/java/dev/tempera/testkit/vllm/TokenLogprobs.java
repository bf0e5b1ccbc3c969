package dev.tempera.testkit.vllm;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The log-probabilities of one position: first the token that was chosen, then the best in order of rank, or those that
 * were asked for.
 */
record TokenLogprobs(int tokenId, List<Entry> entries) {
    /** @param rank 1 is the best */
    record Entry(int tokenId, double logprob, int rank) {
        /** As on the wire, where there is no infinity. */
        double clamped() {
            return Math.max(logprob, -9999);
        }
    }

    Entry chosen() {
        return entries.get(0);
    }

    /** @param count how many of the best; -1 for all */
    static TokenLogprobs of(int tokenId, float[] values, int count, List<Integer> tokenIds) {
        Map<Integer, Entry> entries = new LinkedHashMap<>();
        entries.put(tokenId, entry(tokenId, values));
        if (!tokenIds.isEmpty()) {
            tokenIds.forEach(id -> entries.putIfAbsent(id, entry(id, values)));
        } else if (count != 0) {
            IntStream.range(0, values.length)
                    .boxed()
                    .sorted((a, b) -> values[a] == values[b] ? a - b : Float.compare(values[b], values[a]))
                    .limit(count < 0 ? values.length : count)
                    .forEach(id -> entries.putIfAbsent(id, entry(id, values)));
        }
        return new TokenLogprobs(tokenId, new ArrayList<>(entries.values()));
    }

    private static Entry entry(int tokenId, float[] values) {
        int rank = 1;
        for (float value : values) {
            if (value > values[tokenId]) {
                rank++;
            }
        }
        return new Entry(tokenId, values[tokenId], rank);
    }

    static float[] logSoftmax(float[] logits) {
        double max = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            max = Math.max(max, logit);
        }
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - max);
        }
        double norm = max + Math.log(sum);
        float[] result = new float[logits.length];
        for (int i = 0; i < logits.length; i++) {
            result[i] = (float) (logits[i] - norm);
        }
        return result;
    }
}
