package dev.tempera.processor;

/** Thresholds of exact arithmetic for logits, which are floats. */
final class Thresholds {
    private Thresholds() {}

    /** The smallest float at or above: floats compare with it as they do with the exact number. */
    static float atLeast(double exact) {
        float rounded = (float) exact;
        return rounded < exact ? Math.nextUp(rounded) : rounded;
    }
}
