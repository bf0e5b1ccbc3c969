package dev.tempera;

/** Loops over the first {@code size} entries of a logits array. No allocation, except where said. */
final class LogitsKernels {
    private static final int FEW = 512;

    private LogitsKernels() {}

    static void scale(float[] values, int size, float factor) {
        if (size < FEW) {
            scaleFew(values, size, factor);
        } else {
            scaleMany(values, size, factor);
        }
    }

    static void divide(float[] values, int size, float divisor) {
        if (size < FEW) {
            divideFew(values, size, divisor);
        } else {
            divideMany(values, size, divisor);
        }
    }

    // Two methods with one body: had a loop once been profiled over few values, C2 would compile it for few.

    private static void scaleFew(float[] values, int size, float factor) {
        for (int i = 0; i < size; i++) {
            values[i] *= factor;
        }
    }

    private static void scaleMany(float[] values, int size, float factor) {
        for (int i = 0; i < size; i++) {
            values[i] *= factor;
        }
    }

    private static void divideFew(float[] values, int size, float divisor) {
        for (int i = 0; i < size; i++) {
            values[i] /= divisor;
        }
    }

    private static void divideMany(float[] values, int size, float divisor) {
        for (int i = 0; i < size; i++) {
            values[i] /= divisor;
        }
    }

    // The plain loop beats Math.max and unrolled versions; many values go through a Tournament.
    static float max(float[] values, int size) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < size; i++) {
            if (values[i] > max) {
                max = values[i];
            }
        }
        return max;
    }

    /** The first position of a value that is among them. */
    static int firstAt(float[] values, float value) {
        int i = 0;
        while (values[i] != value) {
            i++;
        }
        return i;
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
