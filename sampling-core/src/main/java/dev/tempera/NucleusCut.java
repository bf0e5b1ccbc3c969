package dev.tempera;

import java.util.Arrays;

/**
 * Finds the nucleus of {@link Logits#retainMass}: which candidates weigh p together, taken by falling probability.
 *
 * <p>Sorted by (logit falling, position rising), candidate j stays iff the weights before it sum to less than p times
 * the total. Weights are {@code StrictMath.exp(logit - max)}, sums in double over that order.
 */
final class NucleusCut {
    private long[] keys = new long[0];
    private int[] positions = new int[0];

    void apply(Logits logits, double p, int minKeep) {
        float[] values = logits.values();
        int size = logits.size();
        float max = logits.max();
        if (max == Float.NEGATIVE_INFINITY) {
            return;
        }
        if (keys.length < size) {
            keys = new long[size];
            positions = new int[size];
        }
        int n = 0;
        double total = 0;
        for (int i = 0; i < size; i++) {
            if (values[i] > Float.NEGATIVE_INFINITY) {
                keys[n++] = (long) ~ascendingBits(values[i]) << 32 | i;
            }
        }
        Arrays.sort(keys, 0, n);
        for (int j = n - 1; j >= 0; j--) {
            total += weight(values[(int) keys[j]], max);
        }
        double before = 0;
        int kept = 0;
        while (kept < n && (kept < minKeep || before < p * total)) {
            before += weight(values[(int) keys[kept]], max);
            positions[kept] = (int) keys[kept];
            kept++;
        }
        Arrays.sort(positions, 0, kept);
        logits.retainPositions(positions, kept);
    }

    private static double weight(float value, float max) {
        return value == max ? 1 : StrictMath.exp((double) value - max);
    }

    /** Bits that ascend, as signed integers, with the float. */
    private static int ascendingBits(float value) {
        int bits = Float.floatToIntBits(value == 0 ? 0f : value);
        return bits < 0 ? bits ^ 0x7fffffff : bits;
    }
}
