package dev.tempera.trace;

import java.util.Arrays;

/** The ids of the largest logits, falling; equal ones by rising id. */
final class TopLogits {
    private TopLogits() {}

    static int[] of(Distribution given, int number) {
        int[] top = new int[Math.min(number, given.kept())];
        if (top.length == 0) {
            return top;
        }
        if (top.length > 1000) {
            return sorted(given, top.length);
        }
        int n = 0;
        for (int id = 0; id < given.rows(); id++) {
            if (given.has(id) && (n < top.length || given.logit(id) > given.logit(top[n - 1]))) {
                int i = n < top.length ? n++ : n - 1;
                for (; i > 0 && given.logit(top[i - 1]) < given.logit(id); i--) {
                    top[i] = top[i - 1];
                }
                top[i] = id;
            }
        }
        return top;
    }

    private static int[] sorted(Distribution given, int number) {
        long[] keys = new long[given.kept()];
        int n = 0;
        for (int id = 0; id < given.rows(); id++) {
            if (given.has(id)) {
                int bits = Float.floatToIntBits(given.logit(id) + 0f); // -0 equals 0
                int rising = bits < 0 ? ~bits : bits | Integer.MIN_VALUE; // as an unsigned number
                keys[n++] = (~rising & 0xffffffffL) << 32 | id;
            }
        }
        // Unsigned order: the sign bit turned round.
        for (int i = 0; i < n; i++) {
            keys[i] ^= Long.MIN_VALUE;
        }
        Arrays.sort(keys);
        int[] ids = new int[number];
        for (int i = 0; i < number; i++) {
            ids[i] = (int) keys[i];
        }
        return ids;
    }
}
