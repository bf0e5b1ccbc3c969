package dev.tempera.trace;

/**
 * Some tokens of about the same logit, known by number and mean alone.
 *
 * @param low the smallest logit among them
 * @param high the largest
 * @param mean their mean; NaN once some of them may be gone
 * @param least how many there are at least
 * @param most how many there are at most
 * @param error how far rounding may have moved a logit
 */
record Tail(double low, double high, double mean, int least, int most, double error) {
    /** The bucket of a trace as logits below the largest. */
    static Tail of(TailBucket bucket, float max) {
        double error = 0x1p-50 * (Math.abs(max) + bucket.to());
        return new Tail(
                max - bucket.to(), max - bucket.from(), max - bucket.meanGap(), bucket.count(), bucket.count(), error);
    }

    /** A single token that may be there. */
    static Tail maybe(double low, double high) {
        return new Tail(low, high, Double.NaN, 0, 1, 0x1p-20 * (1 + Math.abs(high)));
    }

    double lowest() {
        return low - error;
    }

    double highest() {
        return high + error;
    }

    /** Whether all of them are there. */
    boolean isWhole() {
        return !Double.isNaN(mean);
    }

    /** At least the sum of e^(logit - reference): that of as many at the mean, since e^x is convex. */
    double leastWeight(double reference) {
        double logit = isWhole() ? mean : low;
        return least == 0 ? 0 : least * Math.exp(logit - error - reference);
    }

    /** At most that sum: the chord from the lowest to the highest, which lies above e^x. */
    double mostWeight(double reference) {
        double top = Math.exp(highest() - reference);
        if (!isWhole() || high <= low) {
            return most * top;
        }
        double bottom = Math.exp(low + error - reference);
        double share = Math.min(1, Math.max(0, (mean - low) / (high - low)));
        return most * (bottom + share * (top - bottom));
    }

    /** All logits divided, each quotient rounded to float. */
    Tail dividedBy(double divisor) {
        double rounding = 0x1p-23 * Math.max(Math.abs(low), Math.abs(high)) / divisor + Float.MIN_VALUE;
        return new Tail(low / divisor, high / divisor, mean / divisor, least, most, error / divisor + rounding);
    }

    /** Some tokens are gone, maybe of these; and so many are left altogether. */
    Tail without(int gone, int left) {
        if (gone == 0) {
            return this;
        }
        int fewer = Math.max(0, least - gone);
        return new Tail(low, high, Double.NaN, fewer, Math.max(fewer, Math.min(most, left)), error);
    }

    /** Maybe all of them stay, maybe none. */
    Tail uncertain() {
        return new Tail(low, high, Double.NaN, 0, most, error);
    }
}
