package dev.tempera;

import java.util.Arrays;

/**
 * The weights of a draw, their total and the position that a random number falls on. Not thread-safe; the scratch space
 * grows to the vocabulary once.
 */
final class DrawWeights {
    /*
     * The weight of a candidate is DeterministicExp.exp(logit - max), the difference rounded to float; NaN there (a
     * logit of NaN or -inf) is 0. Chunks of 8,192 candidates are summed by folding in float, 8,192 to 1,024 to 128,
     * each entry being eight entries added as a balanced tree; then the 128 in double by four accumulators. The folds
     * vectorise, a running sum would not. Entries past the end count as 0, which changes no sum. Chunks are added in
     * double. All of it is part of the definition of a draw: another order would round differently.
     *
     * Error: a weight is within 2e-7 + 2^-24 * gap of e^-gap relatively (the second term is the rounded difference),
     * a sum within 6 * 2^-24 = 3.6e-7 of the sum of its weights.
     */
    static final double WEIGHT_ERROR = 2e-7;
    static final double GAP_ERROR = 0x1p-24;
    static final double SUM_ERROR = 6 * 0x1p-24;

    private static final int CHUNK = 8192;
    private float[] weights = new float[CHUNK];
    private double[] chunks = new double[1];

    /** The sum of the weights; {@code max} is finite. */
    double total(float[] values, int size, float max) {
        int count = (size + CHUNK - 1) / CHUNK;
        if (chunks.length < count) {
            weights = new float[count * CHUNK];
            chunks = new double[count];
        }
        double total = 0;
        for (int c = 0; c < count; c++) {
            int from = c * CHUNK;
            int to = Math.min(size, from + CHUNK);
            DeterministicExp.weights(values, from, to, max, weights);
            double sum = sum(from, to);
            if (sum != sum) {
                DeterministicExp.weights(values, from, to, max, weights);
                dropNaN(from, to);
                sum = sum(from, to);
            }
            chunks[c] = sum;
            total += sum;
        }
        return total;
    }

    /**
     * The first position at which the running sum of weights exceeds {@code u} times the total: chunks first, then the
     * weights of one chunk one by one, in double.
     */
    int draw(float[] values, int size, float max, double u) {
        if (max == Float.POSITIVE_INFINITY) {
            return drawInfinite(values, size, u);
        }
        double target = u * total(values, size, max);
        int count = (size + CHUNK - 1) / CHUNK;
        double before = 0;
        int c = 0;
        while (c < count - 1 && before + chunks[c] <= target) {
            before += chunks[c++];
        }
        int last = -1;
        // Rounding may let a chunk's own running sum end at or below the target: then its last candidate is drawn.
        for (int from = c * CHUNK; last < 0; from -= CHUNK) {
            int to = Math.min(size, from + CHUNK);
            DeterministicExp.weights(values, from, to, max, weights);
            for (int i = from; i < to; i++) {
                if (weights[i] > 0) {
                    last = i;
                    before += weights[i];
                    if (before > target) {
                        return i;
                    }
                }
            }
        }
        return last;
    }

    /** All +inf weigh the same, the rest nothing. */
    private static int drawInfinite(float[] values, int size, double u) {
        int count = 0;
        for (int i = 0; i < size; i++) {
            if (values[i] == Float.POSITIVE_INFINITY) {
                count++;
            }
        }
        int skip = (int) (u * count);
        for (int i = 0; ; i++) {
            if (values[i] == Float.POSITIVE_INFINITY && skip-- == 0) {
                return i;
            }
        }
    }

    /** Destroys the weights of the chunk. */
    private double sum(int from, int to) {
        int n = to - from;
        int padded = n <= 128 ? 128 : n <= 1024 ? 1024 : CHUNK;
        Arrays.fill(weights, to, from + padded, 0);
        if (n > 1024) {
            foldTo1024(weights, from);
        }
        if (n > 128) {
            foldTo128(weights, from);
        }
        double a = 0;
        double b = 0;
        double c = 0;
        double d = 0;
        for (int i = from; i < from + 128; i += 4) {
            a += weights[i];
            b += weights[i + 1];
            c += weights[i + 2];
            d += weights[i + 3];
        }
        return (a + b) + (c + d);
    }

    // Constant distances: with a variable one C2 does not vectorise.
    private static void foldTo1024(float[] w, int from) {
        for (int i = from; i < from + 1024; i++) {
            w[i] = ((w[i] + w[i + 1024]) + (w[i + 2048] + w[i + 3072]))
                    + ((w[i + 4096] + w[i + 5120]) + (w[i + 6144] + w[i + 7168]));
        }
    }

    private static void foldTo128(float[] w, int from) {
        for (int i = from; i < from + 128; i++) {
            w[i] = ((w[i] + w[i + 128]) + (w[i + 256] + w[i + 384]))
                    + ((w[i + 512] + w[i + 640]) + (w[i + 768] + w[i + 896]));
        }
    }

    private void dropNaN(int from, int to) {
        for (int i = from; i < to; i++) {
            if (!(weights[i] > 0)) {
                weights[i] = 0;
            }
        }
    }
}
