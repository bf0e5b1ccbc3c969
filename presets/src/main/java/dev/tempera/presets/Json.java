package dev.tempera.presets;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tempera.InvalidParametersException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** JSON that people write: a name given twice or text after the end is a mistake to be told. */
final class Json {
    static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Json() {}

    /** @param source how the message names the text */
    static Map<String, Object> parseObject(String json, String source) {
        try {
            Object value = MAPPER.readValue(json, new TypeReference<@Nullable Object>() {});
            if (value instanceof Map<?, ?>) {
                return MAPPER.convertValue(value, new TypeReference<Map<String, Object>>() {});
            }
            throw new InvalidParametersException(
                    source + " must be a JSON object such as {\"temperature\": 0.7}, got " + value);
        } catch (JsonProcessingException e) {
            String place = e.getLocation() == null
                    ? ""
                    : " (line " + e.getLocation().getLineNr() + ", column "
                            + e.getLocation().getColumnNr() + ")";
            throw new InvalidParametersException(
                    source + " must be JSON, got an error: " + e.getOriginalMessage() + place);
        }
    }
}
