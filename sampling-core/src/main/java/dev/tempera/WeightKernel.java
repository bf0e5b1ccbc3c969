package dev.tempera;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a chunk (see {@link DrawWeights}) by means that not every JVM has. The same bits as the plain loops.
 * Thread-safe.
 */
interface WeightKernel {
    int COUNT = 8192;

    /** {@code weights[i] = exp(values[from + i] / divisor - max)} for {@link #COUNT} of them. */
    void weights(float[] values, int from, float divisor, float max, float[] weights);

    /** The one on the Vector API if the JVM runs with that module, unless tempera.vector is false; else null. */
    static @Nullable WeightKernel find() {
        Optional<Module> vector = ModuleLayer.boot().findModule("jdk.incubator.vector");
        if (vector.isEmpty() || System.getProperty("tempera.vector", "true").equals("false")) {
            return null;
        }
        WeightKernel.class.getModule().addReads(vector.get());
        try {
            return (WeightKernel) Class.forName("dev.tempera.VectorWeightKernel")
                    .getDeclaredConstructor()
                    .newInstance();
        } catch (ReflectiveOperationException | LinkageError e) {
            return null; // an incubating interface may change: then the plain loops run
        }
    }
}
