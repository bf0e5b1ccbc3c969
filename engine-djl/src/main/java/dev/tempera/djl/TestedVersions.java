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
        check(Engine.getEngine("PyTorch").getVersion(), LIBTORCH, "libtorch (ai.djl.pytorch:pytorch-native-...)");
    }

    static void check(String found, String tested, String what) {
        if (!found.equals(tested) && !Boolean.getBoolean(OVERRIDE)) {
            throw new IllegalStateException(String.format(
                    Locale.ROOT,
                    "%s on the class path is %s, but this engine was tested with %s; another one may crash the JVM."
                            + " Use %s, or try it with -D%s=true.",
                    what,
                    found,
                    tested,
                    tested,
                    OVERRIDE));
        }
    }
}
