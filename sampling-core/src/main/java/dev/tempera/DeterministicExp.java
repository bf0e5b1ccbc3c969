package dev.tempera;

/**
 * e^x for x &lt;= 0 from IEEE additions and multiplications alone: no fused multiply-add, no intrinsic, no table. The same
 * bits on every JVM and processor, in scalar and in vectorised code, because each step is one correctly rounded
 * operation.
 *
 * <p>Taylor's polynomial of degree 7 at x/256, then eight squarings, in double. Relative error at most 1e-6 for
 * x in [-80, 0], far less near 0. At and below -80, and for -inf, the result is exactly 0: a masked token has no weight.
 */
final class DeterministicExp {
    private static final double FLOOR = -80;
    private static final double AT_FLOOR = power(FLOOR);

    private DeterministicExp() {}

    static double exp(double x) {
        return Math.max(0, power(Math.max(x, FLOOR)) - AT_FLOOR);
    }

    private static double power(double x) {
        double y = x * (1.0 / 256);
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
        return p * p;
    }
}
