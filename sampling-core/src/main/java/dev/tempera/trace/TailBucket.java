package dev.tempera.trace;

import dev.tempera.Require;

/**
 * Tokens of a step whose logits are not listed one by one: those with about the same gap below the largest logit. With
 * their number and mean gap, the sum of e^(-gap/T) has an upper and a lower bound for every T, since e^x is convex.
 * Immutable and thread-safe.
 *
 * @param from the smallest gap among them
 * @param to the largest
 * @param count how many they are, at least 1
 * @param meanGap their mean gap
 */
public record TailBucket(double from, double to, int count, double meanGap) {
    /** @throws dev.tempera.InvalidParametersException unless {@code 0 <= from <= meanGap <= to} and there is a token */
    public TailBucket {
        Require.that(count >= 1, "count", "be at least 1", count);
        Require.that(from >= 0 && from <= to, "from", "be in [0, to]", from);
        Require.that(meanGap >= from && meanGap <= to, "mean gap", "be in [" + from + ", " + to + "]", meanGap);
    }
}
