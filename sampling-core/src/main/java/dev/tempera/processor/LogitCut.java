package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.Ties;

/** Cuts below a number that is decided in double. */
final class LogitCut {
    private LogitCut() {}

    /**
     * Keeps candidates whose weight {@code e^(logit - max)} is at least the given one, compared as
     * {@code logit >= max + ln weight}, and at least {@code minKeep} of the most likely ones.
     *
     * @param ties whether those that tie with the last of {@code minKeep} stay as well
     */
    static void atWeight(Logits logits, double weight, int minKeep, Ties ties) {
        if (weight > 0) {
            atLeast(logits, logits.max() + (weight < 1 ? StrictMath.log(weight) : 0), minKeep, ties);
        }
    }

    /** Keeps candidates with {@code logit >= threshold}, and at least {@code minKeep} of the most likely ones. */
    static void atLeast(Logits logits, double threshold, int minKeep, Ties ties) {
        float cut = ceiling(threshold);
        if (minKeep > 1 && countAtLeast(logits, cut) < minKeep) {
            logits.retainTop(minKeep, ties);
        } else {
            logits.retainAtLeast(cut);
        }
    }

    /** The smallest float at or above, so that the comparison is that of exact arithmetic. */
    static float ceiling(double exact) {
        float rounded = (float) exact;
        return rounded < exact ? Math.nextUp(rounded) : rounded;
    }

    private static int countAtLeast(Logits logits, float threshold) {
        int count = 0;
        for (int i = 0; i < logits.size(); i++) {
            if (logits.get(i) >= threshold) {
                count++;
            }
        }
        return count;
    }
}
