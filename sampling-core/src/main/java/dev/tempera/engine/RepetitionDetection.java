package dev.tempera.engine;

import dev.tempera.InvalidParametersException;
import dev.tempera.Require;
import dev.tempera.TokenHistory;

/**
 * Notices that a text goes in circles: the newest generated tokens are one pattern, {@code minCount} times in a row.
 *
 * <p>As vLLM's {@code repetition_detection}: looked for in generated tokens alone, after every token, the pattern of any
 * size from {@code minPatternSize} to {@code maxPatternSize}. vLLM looks only once {@code min_tokens} were generated, and
 * after stop tokens and the length limit. Immutable and thread-safe. O(maxPatternSize) per token for a text that does
 * not repeat itself, no allocation.
 *
 * @param maxPatternSize tokens of the longest pattern; 0 switches it off
 * @param minPatternSize tokens of the shortest pattern; 0 means 1
 * @param minCount how many times the pattern stands there when it is found, at least 2
 */
public record RepetitionDetection(int maxPatternSize, int minPatternSize, int minCount) {
    /** @throws InvalidParametersException if a size is negative, the sizes are out of order or minCount is below 2 */
    public RepetitionDetection {
        Require.that(maxPatternSize >= 0, "max_pattern_size", "be at least 0", maxPatternSize);
        Require.that(
                minPatternSize >= 0 && minPatternSize <= maxPatternSize,
                "min_pattern_size",
                "be in [0, max_pattern_size = " + maxPatternSize + "]",
                minPatternSize);
        Require.that(maxPatternSize == 0 || minCount >= 2, "min_count", "be at least 2", minCount);
    }

    /** Patterns of any size up to the longest. */
    public RepetitionDetection(int maxPatternSize, int minCount) {
        this(maxPatternSize, 0, minCount);
    }

    /** Whether the generated tokens end in a repeated pattern. */
    public boolean found(TokenHistory history) {
        int generated = history.generatedSize();
        for (int size = Math.max(1, minPatternSize); size <= maxPatternSize; size++) {
            if ((long) size * minCount > generated) {
                return false;
            }
            if (endsInPattern(history, size)) {
                return true;
            }
        }
        return false;
    }

    /** {@code minCount} times the same, newest first: each token equals the one a pattern before it. */
    private boolean endsInPattern(TokenHistory history, int size) {
        int end = history.size();
        for (int i = end - 1; i >= end - size * (minCount - 1); i--) {
            if (history.get(i) != history.get(i - size)) {
                return false;
            }
        }
        return true;
    }
}
