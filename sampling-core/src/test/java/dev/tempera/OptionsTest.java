package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class OptionsTest {
    @Test
    void values_areReadByType_andDefaultsAreUsed() {
        Options options = Options.of(
                Map.of("a", 1, "b", 2.5, "c", true, "d", List.of("x"), "e", List.of(1, 2.0), "f", 3L, "g", 4.0));

        assertThat(options.requireInt("a")).isEqualTo(1);
        assertThat(options.requireDouble("a")).isEqualTo(1.0);
        assertThat(options.getDouble("b", 0)).isEqualTo(2.5);
        assertThat(options.getBoolean("c", false)).isTrue();
        assertThat(options.getStrings("d")).containsExactly("x");
        assertThat(options.getInts("e")).containsExactly(1, 2);
        assertThat(options.getInt("f", 0)).isEqualTo(3);
        assertThat(options.getInt("g", 0)).isEqualTo(4);
        assertThat(options.getInt("none", 7)).isEqualTo(7);
        assertThat(options.getDouble("none", 7.5)).isEqualTo(7.5);
        assertThat(options.getBoolean("none", true)).isTrue();
        assertThat(options.getStrings("none")).isEmpty();
        assertThat(options.getInts("none")).isEmpty();
        assertThat(options.get("none")).isNull();
    }

    @Test
    void unread_areTheGivenOnesNobodyAskedFor() {
        Options options = Options.of(Map.of("given", 1, "forgotten", 2));
        options.getInt("given", 0);
        options.getInt("default", 0);

        assertThat(options.unread()).containsExactly("forgotten");
        assertThat(options.asked()).containsExactly("default", "given");
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                row(o -> o.requireDouble("none"), "none must be given"),
                row(o -> o.requireInt("none"), "none must be given"),
                row(o -> o.requireDouble("text"), "text must be a number, got \"0.7\""),
                row(o -> o.getDouble("list", 0), "list must be a number, got [\"x\"]"),
                row(o -> o.requireInt("half"), "half must be a whole number, got 0.5"),
                row(o -> o.getInt("large", 0), "large must be a whole number, got 1.0E10"),
                row(o -> o.getInt("text", 0), "text must be a number, got \"0.7\""),
                row(o -> o.getBoolean("text", true), "text must be true or false, got \"0.7\""),
                row(o -> o.getStrings("text"), "text must be a list, got \"0.7\""),
                row(o -> o.getStrings("numbers"), "numbers must be a list of strings, got 1"),
                row(o -> o.getInts("list"), "list must be a number, got \"x\""));
    }

    private static Arguments row(Consumer<Options> read, String message) {
        return Arguments.of(read, message);
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource
    void refused(Consumer<Options> read, String message) {
        Options options = Options.of(
                Map.of("text", "0.7", "list", List.of("x"), "numbers", List.of(1), "half", 0.5, "large", 1e10));

        assertThatThrownBy(() -> read.accept(options))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(message);
    }
}
