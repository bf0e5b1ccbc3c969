package dev.tempera.presets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.InvalidParametersException;
import dev.tempera.ProcessorSpec;
import dev.tempera.SamplingParameters;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplingParametersJsonTest {
    @Test
    void write_usesWireNames() {
        assertThat(SamplingParametersJson.write(SamplingParameters.builder()
                        .topP(0.9)
                        .temperature(0.7)
                        .maxTokens(100)
                        .stop(List.of("\n\n", "结束"))
                        .build()))
                .isEqualTo("{\"temperature\":0.7,\"top_p\":0.9,\"max_tokens\":100,\"stop\":[\"\\n\\n\",\"结束\"]}");
        assertThat(SamplingParametersJson.write(SamplingParameters.NEUTRAL)).isEqualTo("{}");
    }

    @Test
    void read_ofWrite_isTheSame() {
        SamplingParameters parameters = SamplingParameters.builder()
                .temperature(0.1 + 0.2)
                .topK(20)
                .logitBias(Map.of(7, -1.5, 3, 2.0))
                .badWordsTokenIds(List.of(List.of(1, 2), List.of(3)))
                .seed(Long.MAX_VALUE)
                .ignoreEos(true)
                .processors(List.of(new ProcessorSpec("min_p", new TreeMap<>(Map.of("p", 0.05)))))
                .build();
        assertThat(SamplingParametersJson.read(SamplingParametersJson.write(parameters)))
                .isEqualTo(parameters);
    }

    @Test
    void read_badValues_reportsAll() {
        assertThatThrownBy(
                        () -> SamplingParametersJson.read("{\"temperature\": -1, \"top_k\": 1.5, \"tempreature\": 1}"))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessageContaining("temperature must be at least 0, got -1.0")
                .hasMessageContaining("top_k must be a whole number, got 1.5")
                .hasMessageContaining("unknown parameter \"tempreature\" (did you mean \"temperature\"?)");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'' | sampling parameters must be JSON, got an error: ",
                "{ | sampling parameters must be JSON, got an error: ",
                "{\"temperature\": NaN} | sampling parameters must be JSON, got an error: ",
                "{\"top_k\": 1, \"top_k\": 2} | sampling parameters must be JSON, got an error: Duplicate",
                "{} {} | sampling parameters must be JSON, got an error: ",
                "[1] | sampling parameters must be a JSON object such as {\"temperature\": 0.7}, got [1]",
                "null | sampling parameters must be a JSON object such as {\"temperature\": 0.7}, got null",
            })
    void read_noObject_saysSo(String json, String message) {
        assertThatThrownBy(() -> SamplingParametersJson.read(json))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessageStartingWith(message);
    }
}
