package dev.tempera.presets;

import dev.tempera.SamplingParameters;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sampling parameters for one scenario, with what people need to choose between them. Immutable and thread-safe. Made
 * from JSON by {@link Presets}.
 *
 * @param name lower-case, with hyphens
 * @param aliases other names that find this preset
 * @param hint what to tell users about the temperature
 * @param temperatureRange the range recommended; the preset's own temperature lies in it
 * @param systemPrompt null for none
 * @param source where the figures come from
 */
public record Preset(
        String name,
        List<String> aliases,
        LocalizedText title,
        LocalizedText description,
        LocalizedText hint,
        TemperatureRange temperatureRange,
        SamplingParameters parameters,
        @Nullable SystemPrompt systemPrompt,
        String source) {
    /** What an unset temperature means. */
    private static final double NEUTRAL_TEMPERATURE = 1;

    public Preset {
        aliases = List.copyOf(aliases);
    }

    /** A sentence for everything in {@code used} that lies outside of what this preset recommends; empty if nothing. */
    public List<String> check(SamplingParameters used) {
        Double set = used.temperature();
        double temperature = set == null ? NEUTRAL_TEMPERATURE : set;
        if (temperatureRange.contains(temperature)) {
            return List.of();
        }
        return List.of("temperature " + temperature + (set == null ? ", which is meant when none is set," : "") + " is "
                + (temperature > temperatureRange.high() ? "above" : "below") + " the range " + temperatureRange
                + " that preset " + name + " recommends");
    }
}
