package dev.tempera;

/** Loops over the first {@code size} entries of a logits array. No allocation, except where said. */
final class LogitsKernels {
    /** Weights are summed block by block, so that a draw can skip to its block. Part of the definition of a draw. */
    private static final int BLOCK = 1024;

    private LogitsKernels() {}

    static void scale(float[] values, int size, float factor) {
        for (int i = 0; i < size; i++) {
            values[i] *= factor;
        }
    }

    static void divide(float[] values, int size, float divisor) {
        for (int i = 0; i < size; i++) {
            values[i] /= divisor;
        }
    }

    // Measured: the plain loop beats Math.max, unrolled and column-wise versions on JDK 17 (docs/performance.md).
    static float max(float[] values, int size) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < size; i++) {
            if (values[i] > max) {
                max = values[i];
            }
        }
        return max;
    }

    static int argmax(float[] values, int size) {
        float max = Float.NEGATIVE_INFINITY;
        int at = -1;
        for (int i = 0; i < size; i++) {
            if (values[i] > max) {
                max = values[i];
                at = i;
            }
        }
        if (at < 0) {
            throw noCandidate(values, size);
        }
        return at;
    }

    static double logSumExp(float[] values, int size) {
        float max = max(values, size);
        if (max == Float.NEGATIVE_INFINITY) {
            throw noCandidate(values, size);
        }
        double sum = 0;
        for (int i = 0; i < size; i++) {
            if (values[i] > Float.NEGATIVE_INFINITY) {
                sum += Math.exp((double) values[i] - max);
            }
        }
        return max + Math.log(sum);
    }

    /** The k-th largest value, -inf included, NaN passed over. One pass with a heap of the k largest so far. */
    static float kthLargest(float[] values, int size, int k) {
        float[] heap = new float[k];
        int filled = 0;
        for (int i = 0; i < size; i++) {
            float value = values[i];
            if (filled < k) {
                if (value == value) {
                    siftUp(heap, filled++, value);
                }
            } else if (value > heap[0]) {
                siftDown(heap, k, value);
            }
        }
        return filled < k ? Float.NEGATIVE_INFINITY : heap[0];
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

    /** Moves values at or above the threshold to the front, their indices into {@code tokenIds}; returns how many. */
    static int compactDense(float[] values, int size, float threshold, int[] tokenIds) {
        int n = 0;
        for (int i = 0; i < size; i++) {
            float value = values[i];
            if (value >= threshold) {
                values[n] = value;
                tokenIds[n++] = i;
            }
        }
        return n;
    }

    static int compact(float[] values, int[] tokenIds, int size, float threshold) {
        int n = 0;
        for (int i = 0; i < size; i++) {
            float value = values[i];
            if (value >= threshold) {
                values[n] = value;
                tokenIds[n++] = tokenIds[i];
            }
        }
        return n;
    }

    /** The position at which the running sum of weights exceeds u times their total. */
    static int draw(float[] values, int size, double u) {
        float max = max(values, size);
        if (max == Float.NEGATIVE_INFINITY) {
            throw noCandidate(values, size);
        }
        double total = 0;
        for (int start = 0; start < size; start += BLOCK) {
            total += blockWeight(values, start, Math.min(size, start + BLOCK), max);
        }
        double target = u * total;
        double before = 0;
        int start = 0;
        double block = blockWeight(values, 0, Math.min(size, BLOCK), max);
        while (before + block <= target && start + BLOCK < size) {
            before += block;
            start += BLOCK;
            block = blockWeight(values, start, Math.min(size, start + BLOCK), max);
        }
        int last = -1;
        for (int i = start; i < Math.min(size, start + BLOCK); i++) {
            double weight = weight(values[i], max);
            if (weight > 0) {
                last = i;
                before += weight;
                if (before > target) {
                    return i;
                }
            }
        }
        // Rounding let the last block end at or below the target: its last candidate with a weight, or the argmax.
        return last >= 0 ? last : argmax(values, size);
    }

    private static double blockWeight(float[] values, int from, int to, float max) {
        double sum = 0;
        for (int i = from; i < to; i++) {
            sum += weight(values[i], max);
        }
        return sum;
    }

    /** +inf counts as 1 when it is the maximum; NaN as 0. */
    static double weight(float value, float max) {
        if (value == max) {
            return 1;
        }
        double weight = DeterministicExp.exp((double) value - max);
        return weight > 0 ? weight : 0;
    }

    static InvalidLogitsException noCandidate(float[] values, int size) {
        int nan = 0;
        for (int i = 0; i < size; i++) {
            if (Float.isNaN(values[i])) {
                nan++;
            }
        }
        return new InvalidLogitsException("none of the " + size + " logits is a number above -inf (" + nan + " NaN, "
                + (size - nan) + " -inf): either constraints forbid every token, or the weights or the data type are"
                + " wrong");
    }
}
