package dev.tempera;

/**
 * e^x for x &lt;= 0, the weight of a candidate whose logit is x below the largest one: the same bits on every JVM and
 * processor, in scalar and in vectorised code.
 */
final class DeterministicExp {
    /*
     * Every step is one IEEE addition, subtraction, multiplication or absolute value in float, each correctly rounded:
     * no fused multiply-add, intrinsic, table, branch or look at the bits of a float. So the result cannot depend on
     * how a loop over it was compiled, and C2 vectorises that loop from JDK 17 on, which it does for none of the usual
     * ways to build 2^n (Float.intBitsToFloat, Math.scalb) there.
     *
     *   n = x / ln 2 rounded to an integer (adding and subtracting 1.5 * 2^23 rounds);
     *   e^x = 2^n * e^f with f = x - n ln 2, |f| <= 0.347, ln 2 in two parts so that x - n * LN2_HIGH is exact;
     *   e^f = 1 + f + f^2 (...), minimax of degree 5, error 1.1e-7;
     *   2^n: a quadratic in n comes within 12 % of it after six squarings. Rounding that to one significant bit, as
     *   Veltkamp splits a float, gives 2^n exactly, since 12 % is less than the way to the midpoint 0.75 * 2^n.
     *   k + |k| is 2k or 0: it holds n + 64 at 0 from below, where the quadratic gives 2^-64, which is then subtracted.
     *
     * Error: |exp(x) - e^x| <= 2e-7 e^x + 2^-63. At and below -45, down to where a float can hardly tell x from
     * infinity, the result is exactly 0; for -inf and NaN it is NaN, which callers take for 0. All weights below 2^-64
     * of a vocabulary weigh less together than a double next to 1 can show.
     *
     * 1. Cody, Waite 1980, "Software Manual for the Elementary Functions" (the two-part reduction).
     * 2. Dekker 1971, "A floating-point technique for extending the available precision" (Veltkamp's splitting).
     */
    static final float LOG2_E = 1.442695f;
    static final float LN2_HIGH = 355f / 512;
    static final float LN2_LOW = -2.1219444e-4f;
    static final float ROUND = 0x1.8p23f;
    static final float LEAST = 0x1p-64f;

    static final float C2 = 0.49999228f;
    static final float C3 = 0.16667116f;
    static final float C4 = 0.041890558f;
    static final float C5 = 0.008312477f;

    private static final float Q0 = 0.500862f;
    private static final float Q1 = 0.002568909f;
    private static final float Q2 = 1.02901395e-5f;
    private static final float ONE_BIT = 0x1p23f + 1;

    private static final int FEW = 512;

    private DeterministicExp() {}

    static float exp(float x) {
        float n = (x * LOG2_E + ROUND) - ROUND;
        float f = (x - n * LN2_HIGH) - n * LN2_LOW;
        float p = ((((C5 * f + C4) * f + C3) * f + C2) * f + 1) * f + 1;
        float k = n + 64;
        k = k + Math.abs(k);
        float z = (Q2 * k + Q1) * k + Q0;
        z *= z;
        z *= z;
        z *= z;
        z *= z;
        z *= z;
        z *= z;
        float c = z * ONE_BIT;
        return p * ((c - (c - z)) - LEAST);
    }

    /**
     * {@code weights[i] = exp(values[i] / divisor - max)}. One index for both arrays: C2 vectorises no other form on
     * JDK 17.
     */
    static void weights(float[] values, int from, int to, float divisor, float max, float[] weights) {
        if (to - from < FEW) {
            few(values, from, to, divisor, max, weights);
        } else if (divisor == 1) {
            many(values, from, to, max, weights);
        } else {
            many(values, from, to, divisor, max, weights);
        }
    }

    // Methods with one body: had a loop once been profiled over few candidates, C2 would compile it for few.

    private static void few(float[] values, int from, int to, float divisor, float max, float[] weights) {
        for (int i = from; i < to; i++) {
            weights[i] = exp(values[i] / divisor - max);
        }
    }

    private static void many(float[] values, int from, int to, float divisor, float max, float[] weights) {
        for (int i = from; i < to; i++) {
            weights[i] = exp(values[i] / divisor - max);
        }
    }

    private static void many(float[] values, int from, int to, float max, float[] weights) {
        for (int i = from; i < to; i++) {
            weights[i] = exp(values[i] - max);
        }
    }
}
