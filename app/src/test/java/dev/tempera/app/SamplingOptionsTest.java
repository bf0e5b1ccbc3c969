package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.SamplingParameters;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class SamplingOptionsTest {
    static Iterable<String> names() {
        return SamplingParameters.names();
    }

    @ParameterizedTest
    @MethodSource("names")
    void everyParameter_isADescribedOption(String name) {
        String option = "--" + name.replace('_', '-');
        String[] help = Run.of("generate", "--help").out().split("\\R");
        int line = Arrays.asList(help)
                .indexOf(Arrays.stream(help)
                        .filter(text -> text.strip().matches(option + "[=\\[].*"))
                        .findFirst()
                        .orElseThrow(() -> new AssertionError(option + " is not in the help")));
        assertThat((help[line] + " " + (line + 1 < help.length ? help[line + 1] : "")).replace(option, ""))
                .containsPattern("[A-Z][a-z]* \\S+ \\S+.*\\.");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "typical_p | 0.9 | {typical_p=0.9}",
                "sequence_bias | 1,2=-3 | {sequence_bias=[[[1, 2], -3.0]]}",
                "forced_eos_token_id | 5 | {forced_eos_token_id=[5]}",
                "exponential_decay_length_penalty | 6,1.5 | {exponential_decay_length_penalty=[6, 1.5]}",
                "samplers | kt | {samplers=[top_k, temperature]}",
                "samplers | top_k;temp | {samplers=[top_k, temperature]}",
                "sampler | greedy:x=1 | {sampler={name=greedy, x=1}}",
                "dry_sequence_breakers | : | {dry_sequence_breakers=[:]}",
                "stop_regex | a,b+ | {stop_regex=[a,b+]}",
                "repetition_detection | max_pattern_size=9,min_count=3 | {repetition_detection={max_pattern_size=9,"
                        + " min_pattern_size=0, min_count=3}}",
                "repetition_detection | {\"max_pattern_size\":9,\"min_count\":3} |"
                        + " {repetition_detection={max_pattern_size=9, min_pattern_size=0, min_count=3}}"
            })
    void read_asTyped(String name, String typed, String parameters) {
        assertThat(SamplingOptions.read(name, typed).toMap()).hasToString(parameters);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "sequence_bias | 1,2 | --sequence-bias must be ID,ID=VALUE, for instance 42,43=-5, got 1,2",
                "repetition_detection | 3 | --repetition-detection must be OPTION=VALUE,... or a JSON object, got 3",
                "sampler | greedy:x | --sampler must be NAME:OPTION=VALUE,... or a JSON object, got greedy:x"
            })
    void read_ofAnotherShape_isRefused(String name, String typed, String message) {
        assertThatThrownBy(() -> SamplingOptions.read(name, typed)).hasMessage(message);
    }
}
