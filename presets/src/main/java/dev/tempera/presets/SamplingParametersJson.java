package dev.tempera.presets;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import java.util.Map;

/** Sampling parameters as JSON with the names that vLLM uses: {@code {"temperature": 0.7, "top_p": 0.9}}. */
public final class SamplingParametersJson {
    private SamplingParametersJson() {}

    /** @throws InvalidParametersException if the text is no JSON object, with every unknown name and every bad value */
    public static SamplingParameters read(String json) {
        return SamplingParameters.fromMap(Json.parseObject(json, "sampling parameters"));
    }

    /** On one line, always in the same order; {@code read(write(p))} equals {@code p}. */
    public static String write(SamplingParameters parameters) {
        Map<String, Object> map = parameters.toMap();
        try {
            return Json.MAPPER.writeValueAsString(map);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("parameters that came from JSON-shaped values are JSON", e);
        }
    }
}
