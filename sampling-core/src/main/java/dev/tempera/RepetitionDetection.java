package dev.tempera;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Ends a text that goes in circles: when its newest generated tokens are one pattern, {@code minCount} times in a row.
 *
 * <p>As vLLM's {@code repetition_detection}: looked for in generated tokens alone, after every token, the pattern of
 * any size from {@code minPatternSize} to {@code maxPatternSize}. vLLM looks only once {@code min_tokens} were
 * generated, and after stop tokens and the length limit. Immutable and thread-safe. O(maxPatternSize) per token for a
 * text that does not repeat itself, no allocation.
 *
 * @param maxPatternSize longest pattern in tokens; 0 switches it off
 * @param minPatternSize shortest pattern in tokens; 0 is 1
 * @param minCount how many times in a row the pattern must stand at the end of the text, at least 2
 */
public record RepetitionDetection(int maxPatternSize, int minPatternSize, int minCount) {
    /** @throws InvalidParametersException if a number is negative, the sizes cross or the count is below 2 */
    public RepetitionDetection {
        Require.that(maxPatternSize >= 0, "max_pattern_size", "be at least 0", maxPatternSize);
        Require.that(minPatternSize >= 0, "min_pattern_size", "be at least 0", minPatternSize);
        Require.that(
                minPatternSize <= maxPatternSize,
                "min_pattern_size",
                "be at most max_pattern_size (" + maxPatternSize + ")",
                minPatternSize);
        Require.that(maxPatternSize == 0 || minCount >= 2, "min_count", "be at least 2", minCount);
    }

    /**
     * Whether the text ends in a repeated pattern.
     *
     * @param generated the generated tokens, without the prompt's
     */
    public boolean found(List<Integer> generated) {
        for (int size = Math.max(1, minPatternSize); size <= maxPatternSize; size++) {
            if ((long) size * minCount > generated.size()) {
                return false;
            }
            if (endsInPattern(generated, size)) {
                return true;
            }
        }
        return false;
    }

    /** {@code minCount} times the same, newest first: each token equals the one a pattern before it. */
    private boolean endsInPattern(List<Integer> generated, int size) {
        int end = generated.size();
        for (int i = end - 1; i >= end - size * (minCount - 1); i--) {
            if (!generated.get(i).equals(generated.get(i - size))) {
                return false;
            }
        }
        return true;
    }

    static RepetitionDetection read(Options options) {
        int maxPatternSize = options.getInt("max_pattern_size", 0);
        return new RepetitionDetection(
                maxPatternSize,
                options.getInt("min_pattern_size", 0),
                maxPatternSize > 0 ? options.requireInt("min_count") : options.getInt("min_count", 0));
    }

    Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("max_pattern_size", maxPatternSize);
        map.put("min_pattern_size", minPatternSize);
        map.put("min_count", minCount);
        return map;
    }
}
