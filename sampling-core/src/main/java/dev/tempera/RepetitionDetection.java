package dev.tempera;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Ends the text when its last tokens are one pattern over and over, as vLLM's {@code repetition_detection}. Immutable.
 *
 * @param maxPatternSize longest pattern in tokens; 0 switches it off
 * @param minPatternSize shortest pattern in tokens; 0 is 1
 * @param minCount how often in a row the pattern must stand at the end of the text
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

    static RepetitionDetection read(Options options) {
        return new RepetitionDetection(
                options.getInt("max_pattern_size", 0),
                options.getInt("min_pattern_size", 0),
                options.getInt("min_count", 0));
    }

    Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("max_pattern_size", maxPatternSize);
        map.put("min_pattern_size", minPatternSize);
        map.put("min_count", minCount);
        return map;
    }
}
