package dev.tempera.presets;

import dev.tempera.Require;

/** Temperatures that suit a scenario, both ends included: a starting point to be measured, not a law. */
public record TemperatureRange(double low, double high) {
    /** @throws dev.tempera.InvalidParametersException unless {@code 0 <= low <= high}, both finite */
    public TemperatureRange {
        Require.that(
                low >= 0 && low <= high && high < Double.POSITIVE_INFINITY,
                "temperature_range",
                "be [low, high] with 0 <= low <= high",
                "[" + low + ", " + high + "]");
    }

    public boolean contains(double temperature) {
        return temperature >= low && temperature <= high;
    }

    @Override
    public String toString() {
        return low + " to " + high;
    }
}
