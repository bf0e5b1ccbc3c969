package dev.tempera.processor;

import dev.tempera.Logits;
import java.util.Arrays;

/**
 * The candidates above -inf by falling logit, equal ones by rising id: sorted by the bits of the logits, eleven at a
 * time, in O(size). Not thread-safe; the scratch space grows with the candidates.
 */
final class FallingOrder {
    private static final int DIGIT = 11;

    private final int[] counts = new int[1 << DIGIT];
    private long[] keys = new long[0];
    private long[] otherKeys = new long[0];

    /** Sorts; returns how many there are. */
    int sort(Logits logits) {
        int size = logits.size();
        if (keys.length < size) {
            keys = new long[size];
            otherKeys = new long[size];
        }
        int n = 0;
        for (int i = 0; i < size; i++) {
            if (logits.get(i) > Float.NEGATIVE_INFINITY) {
                keys[n++] = (long) fallingBits(logits.get(i)) << Integer.SIZE | i;
            }
        }
        for (int shift = Integer.SIZE; shift < Long.SIZE; shift += DIGIT) {
            sortByDigit(n, shift);
            long[] swapped = keys;
            keys = otherKeys;
            otherKeys = swapped;
        }
        return n;
    }

    /** The position of the candidate of this rank. */
    int position(int rank) {
        return (int) keys[rank];
    }

    /** Bits that fall, unsigned, with the float; both zeros are one. */
    private static int fallingBits(float value) {
        int bits = Float.floatToRawIntBits(value + 0f);
        return ~(bits ^ (bits >> 31 | 0x80000000));
    }

    private void sortByDigit(int size, int shift) {
        int mask = counts.length - 1;
        Arrays.fill(counts, 0);
        for (int i = 0; i < size; i++) {
            counts[(int) (keys[i] >>> shift) & mask]++;
        }
        int before = 0;
        for (int digit = 0; digit <= mask; digit++) {
            int count = counts[digit];
            counts[digit] = before;
            before += count;
        }
        for (int i = 0; i < size; i++) {
            otherKeys[counts[(int) (keys[i] >>> shift) & mask]++] = keys[i];
        }
    }
}
