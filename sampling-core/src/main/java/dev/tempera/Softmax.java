package dev.tempera;

/** Weights e^(logit - max) and what is summed of them, in double, chunk by chunk. Not thread-safe. */
final class Softmax {
    /** A weight at such a gap, and the product of both, counts for nothing beside the largest, 1. */
    private static final double FARTHEST = 80;

    private final double[] weights = new double[ExpSum.CHUNK];
    private final double[] gaps = new double[ExpSum.CHUNK];

    /** {@code max} is finite. */
    double entropy(float[] values, int size, float max) {
        double sum = 0;
        double sumOfGaps = 0;
        for (int from = 0; from < size; from += ExpSum.CHUNK) {
            int n = Math.min(ExpSum.CHUNK, size - from);
            for (int i = 0; i < n; i++) {
                float value = values[from + i];
                gaps[i] = value == value ? Math.min((double) max - value, FARTHEST) : FARTHEST;
                weights[i] = -gaps[i];
            }
            ExpSum.exp(weights, n, 0);
            sum += ExpSum.sum(weights, n);
            for (int i = 0; i < n; i++) {
                gaps[i] *= weights[i];
            }
            sumOfGaps += ExpSum.sum(gaps, n);
        }
        // -ln p is ln sum + gap.
        return StrictMath.log(sum) + sumOfGaps / sum;
    }

    /** {@code max} is finite. */
    double collisionProbability(float[] values, int size, float max) {
        double sum = 0;
        double squares = 0;
        for (int from = 0; from < size; from += ExpSum.CHUNK) {
            int n = Math.min(ExpSum.CHUNK, size - from);
            for (int i = 0; i < n; i++) {
                float value = values[from + i];
                weights[i] = value == value ? value : Double.NEGATIVE_INFINITY;
            }
            ExpSum.exp(weights, n, max);
            sum += ExpSum.sum(weights, n);
            for (int i = 0; i < n; i++) {
                weights[i] *= weights[i];
            }
            squares += ExpSum.sum(weights, n);
        }
        return squares / (sum * sum);
    }

    void weights(float[] values, int size, float max, double[] into) {
        if (max == Float.POSITIVE_INFINITY) {
            for (int i = 0; i < size; i++) {
                into[i] = values[i] == max ? 1 : 0;
            }
            return;
        }
        for (int from = 0; from < size; from += ExpSum.CHUNK) {
            int n = Math.min(ExpSum.CHUNK, size - from);
            for (int i = 0; i < n; i++) {
                weights[i] = values[from + i];
            }
            ExpSum.exp(weights, n, max);
            for (int i = 0; i < n; i++) {
                into[from + i] = (double) max - values[from + i] <= FARTHEST ? weights[i] : 0;
            }
        }
    }

    static int countInfinite(float[] values, int size) {
        int count = 0;
        for (int i = 0; i < size; i++) {
            if (values[i] == Float.POSITIVE_INFINITY) {
                count++;
            }
        }
        return count;
    }
}
