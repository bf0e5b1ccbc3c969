package dev.tempera.djl;

import ai.djl.engine.Engine;
import java.util.Locale;

/**
 * The versions that this engine was tested with. The decoder reaches libtorch through classes that DJL does not promise
 * to keep and through numbers of libtorch's types: another version may crash the JVM instead of throwing.
 */
final class TestedVersions {
    static final String DJL = "0.36.0";
    static final String LIBTORCH = "2.7.1";

    /** Set to true to try other versions all the same. */
    static final String OVERRIDE = "dev.tempera.djl.untested";

    private TestedVersions() {}

    /** Loads libtorch, if that was not done before. */
    static void check() {
        check(Engine.getDjlVersion(), DJL, "DJL (ai.djl:api)");
        check(libtorch().getVersion(), LIBTORCH, "libtorch (ai.djl.pytorch:pytorch-native-...)");
    }

    private static Engine libtorch() {
        try {
            return Engine.getEngine("PyTorch");
        } catch (RuntimeException e) {
            throw new EngineSetupException(
                    "libtorch could not be loaded: " + rootCause(e) + ". Add ai.djl.pytorch:pytorch-jni:" + LIBTORCH
                            + "-" + DJL
                            + " and ai.djl.pytorch:pytorch-native-cpu:" + LIBTORCH
                            + " with the classifier of your platform (linux-x86_64, linux-aarch64, osx-aarch64, win-x86_64)"
                            + " to the class path, or set PYTORCH_LIBRARY_PATH, PYTORCH_VERSION and PYTORCH_FLAVOR to an"
                            + " installed libtorch.",
                    e);
        }
    }

    private static Throwable rootCause(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    static void check(String found, String tested, String what) {
        if (!found.equals(tested) && !Boolean.getBoolean(OVERRIDE)) {
            throw new EngineSetupException(
                    String.format(
                            Locale.ROOT,
                            "%s on the class path is %s, but this engine was tested with %s; another one may crash the JVM."
                                    + " Use %s, or try it with -D%s=true.",
                            what,
                            found,
                            tested,
                            tested,
                            OVERRIDE),
                    null);
        }
    }
}
