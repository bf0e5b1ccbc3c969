package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.SamplingParameters;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
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
        assertThat((help[line] + " " + help[line + 1]).replace(option, ""))
                .containsPattern("[A-Z][a-z]* \\S+ \\S+.*\\.");
    }
}
