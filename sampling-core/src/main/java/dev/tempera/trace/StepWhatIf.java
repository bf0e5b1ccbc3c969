package dev.tempera.trace;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;

/**
 * One step of a text under another pipeline, after the same text so far. Immutable and thread-safe.
 *
 * @param position how many tokens were generated before
 * @param tokenId the token of the text
 * @param logProbability of drawing it
 * @param candidates log-probability of each token that the trace lists, in its order
 * @param sameNumber the token that the same random number draws; empty when the trace cannot tell, or when the sampler
 *     does not draw by one number
 */
public record StepWhatIf(
        int position, int tokenId, Bounds logProbability, Map<Integer, Bounds> candidates, OptionalInt sameNumber) {
    public StepWhatIf {
        candidates = Collections.unmodifiableMap(new LinkedHashMap<>(candidates));
    }
}
