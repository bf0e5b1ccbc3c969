package dev.tempera;

import java.util.Arrays;

/** Selects the k-th largest of an array: a heap for small k, counting by leading bits for large. Not thread-safe. */
final class KthLargest {
    private static final int HEAP = 128;
    private static final int DIGIT = 11;
    private final float[] heap = new float[HEAP];
    private int[] counts = new int[0];

    /** The k-th largest of the first {@code size} values, -inf included, NaN passed over; -inf if there are fewer. */
    float of(float[] values, int size, int k) {
        return k <= HEAP ? byHeap(values, size, k) : byDigits(values, size, k);
    }

    private float byHeap(float[] values, int size, int k) {
        float[] heap = this.heap;
        int i = 0;
        int filled = 0;
        for (; i < size && filled < k; i++) {
            if (values[i] == values[i]) {
                siftUp(heap, filled++, values[i]);
            }
        }
        if (filled < k) {
            return Float.NEGATIVE_INFINITY;
        }
        float least = heap[0];
        for (; i < size; i++) {
            if (values[i] > least) {
                siftDown(heap, k, values[i]);
                least = heap[0];
            }
        }
        return least;
    }

    private static void siftUp(float[] heap, int at, float value) {
        int i = at;
        while (i > 0 && heap[(i - 1) / 2] > value) {
            heap[i] = heap[(i - 1) / 2];
            i = (i - 1) / 2;
        }
        heap[i] = value;
    }

    private static void siftDown(float[] heap, int size, float value) {
        int i = 0;
        while (true) {
            int child = 2 * i + 1;
            if (child + 1 < size && heap[child + 1] < heap[child]) {
                child++;
            }
            if (child >= size || heap[child] >= value) {
                heap[i] = value;
                return;
            }
            heap[i] = heap[child];
            i = child;
        }
    }

    /** Three rounds of counting settle 11, 11 and 10 bits of the answer's key: O(size) whatever the values are. */
    private float byDigits(float[] values, int size, int k) {
        if (counts.length == 0) {
            counts = new int[1 << DIGIT];
        }
        int rank = k;
        int prefix = 0;
        for (int shift = 32 - DIGIT; ; shift = Math.max(0, shift - DIGIT)) {
            int bits = shift == 0 ? 32 - 2 * DIGIT : DIGIT;
            int digit = digitOf(values, size, rank, prefix, shift, bits);
            if (digit < 0) {
                return Float.NEGATIVE_INFINITY;
            }
            for (int larger = (1 << bits) - 1; larger > digit; larger--) {
                rank -= counts[larger];
            }
            prefix = prefix << bits | digit;
            if (shift == 0) {
                return value(prefix);
            }
        }
    }

    /** The digit at {@code shift} of the key of this rank among the keys that begin with {@code prefix}. */
    private int digitOf(float[] values, int size, int rank, int prefix, int shift, int bits) {
        int[] counts = this.counts;
        Arrays.fill(counts, 0);
        int mask = (1 << bits) - 1;
        int above = shift + bits;
        for (int i = 0; i < size; i++) {
            int key = key(values[i]);
            // A shift by 32 would be one by 0; nothing is settled then, and every key takes part.
            if ((above == 32 || key >>> above == prefix) && values[i] == values[i]) {
                counts[key >>> shift & mask]++;
            }
        }
        int left = rank;
        for (int digit = mask; digit >= 0; digit--) {
            left -= counts[digit];
            if (left <= 0) {
                return digit;
            }
        }
        return -1;
    }

    /** Bits that ascend, unsigned, with the float; both zeros are one. */
    private static int key(float value) {
        int bits = Float.floatToRawIntBits(value + 0f);
        return bits ^ (bits >> 31 | 0x80000000);
    }

    private static float value(int key) {
        return Float.intBitsToFloat(key < 0 ? key ^ 0x80000000 : ~key);
    }
}
