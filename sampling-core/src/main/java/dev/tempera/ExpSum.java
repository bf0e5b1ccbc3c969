package dev.tempera;

/** e^(logit - max) in double and its sum, without the price of as many calls of Math.exp. Not thread-safe. */
final class ExpSum {
    /*
     * Taylor's polynomial of degree 7 at x/256, then eight squarings: additions and multiplications only, which C2
     * vectorises. The relative error, 256 (x/256)^8 / 8!, grows with the gap as the weight shrinks: a candidate adds at
     * most 3e-18, whatever its gap, beside 256 roundings, 6e-14 of its weight.
     *
     * Error of the sum, which is at least 1 as the largest logit weighs 1: below 1e-11 of it for up to 3e6 candidates.
     */
    static final double ERROR = 1e-11;

    static final int CHUNK = 1024;
    private static final int FEW = 128;
    private static final double FARTHEST = -80;
    private final double[] chunk = new double[CHUNK];

    /** NaN counts as -inf; {@code max} is finite. */
    double of(float[] values, int size, float max) {
        double total = 0;
        for (int from = 0; from < size; from += CHUNK) {
            int n = Math.min(CHUNK, size - from);
            exp(values, from, n, max);
            total += sum(chunk, n);
        }
        return total;
    }

    /** As {@link #of}; the terms are given as well. */
    double of(float[] values, int size, float max, double[] weights) {
        double total = 0;
        for (int from = 0; from < size; from += CHUNK) {
            int n = Math.min(CHUNK, size - from);
            exp(values, from, n, max);
            System.arraycopy(chunk, 0, weights, from, n);
            total += sum(chunk, n);
        }
        return total;
    }

    private void exp(float[] values, int from, int n, float max) {
        for (int i = 0; i < n; i++) {
            float value = values[from + i];
            chunk[i] = value == value ? value : Double.NEGATIVE_INFINITY;
        }
        exp(chunk, n, max);
    }

    /** Replaces the first n entries of a chunk by e^(x - max), or e^-80 where that is less; what follows is undefined. */
    static void exp(double[] x, int n, double max) {
        if (n <= FEW) {
            few(x, n, max);
        } else {
            many(x, max);
        }
    }

    // Two methods with one body: had a loop once been profiled over few candidates, C2 would compile it for few.

    private static void few(double[] x, int n, double max) {
        for (int i = 0; i < n; i++) {
            x[i] = exp(x[i] - max);
        }
    }

    // Always over the whole chunk, for the same reason.
    private static void many(double[] x, double max) {
        for (int i = 0; i < CHUNK; i++) {
            x[i] = exp(x[i] - max);
        }
    }

    private static double exp(double x) {
        double y = Math.max(x, FARTHEST) * (1.0 / 256);
        double p = 1.0 / 5040;
        p = p * y + 1.0 / 720;
        p = p * y + 1.0 / 120;
        p = p * y + 1.0 / 24;
        p = p * y + 1.0 / 6;
        p = p * y + 0.5;
        p = p * y + 1;
        p = p * y + 1;
        p *= p;
        p *= p;
        p *= p;
        p *= p;
        p *= p;
        p *= p;
        p *= p;
        p *= p;
        return p;
    }

    static double sum(double[] x, int n) {
        double a = 0;
        double b = 0;
        double c = 0;
        double d = 0;
        int i = 0;
        for (; i + 4 <= n; i += 4) {
            a += x[i];
            b += x[i + 1];
            c += x[i + 2];
            d += x[i + 3];
        }
        for (; i < n; i++) {
            a += x[i];
        }
        return (a + b) + (c + d);
    }
}
