package dev.tempera.processor;

import dev.tempera.Require;

/** Rules that the penalties share. */
final class Penalties {
    private Penalties() {}

    static void requireWindow(int window) {
        Require.that(window >= 1, "window", "be at least 1 token", window);
    }

    static void requireFactor(String name, double value) {
        Require.that((float) value > 0 && value <= Float.MAX_VALUE, name, "be a finite number greater than 0", value);
    }

    static void requireFinite(String name, double value) {
        Require.that(Math.abs(value) <= Float.MAX_VALUE, name, "be a finite number", value);
    }

    /** {@code logit > 0 ? logit / factor : logit * factor}; what is finite stays so. */
    static float discouraged(float logit, float factor) {
        float penalised = logit > 0 ? logit / factor : logit * factor;
        return Float.isFinite(logit) ? finite(penalised) : logit;
    }

    /** Rounded to float, at most the largest. */
    static float finite(double value) {
        return (float) Math.max(-Float.MAX_VALUE, Math.min(Float.MAX_VALUE, value));
    }
}
