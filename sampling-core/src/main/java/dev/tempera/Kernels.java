package dev.tempera;

import org.jspecify.annotations.Nullable;

/**
 * Which code computes the weights of many candidates: plain loops, or the Vector API where the JVM was started with
 * {@code --add-modules jdk.incubator.vector}. Both give the same tokens. {@code -Dtempera.vector=false} has the plain loops
 * run all the same. Thread-safe.
 */
public final class Kernels {
    static final @Nullable WeightKernel WEIGHTS = WeightKernel.find();

    private Kernels() {}

    /** {@code scalar}, or for instance {@code vector (512 bits)}. */
    public static String inUse() {
        return WEIGHTS == null ? "scalar" : WEIGHTS.toString();
    }
}
