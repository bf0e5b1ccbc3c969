package dev.tempera;

import java.util.Map;
import java.util.function.Function;

/**
 * The processors and samplers that one jar offers, by snake_case name; found through {@link java.util.ServiceLoader}.
 * The function reads its options and may throw {@link InvalidParametersException}; options it did not read are reported
 * as unknown.
 */
public interface LogitsProcessorProvider {
    Map<String, Function<Options, LogitsProcessor>> processors();

    /** What may end a pipeline, see {@link Samplers}. */
    default Map<String, Function<Options, Sampler>> samplers() {
        return Map.of();
    }
}
