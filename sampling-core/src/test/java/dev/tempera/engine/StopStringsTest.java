package dev.tempera.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class StopStringsTest {
    /** Text, stop strings, what is shown without and with the stop string, which one it was. */
    static Stream<Arguments> cases() {
        return Stream.of(
                Arguments.of("one two three", List.of("two"), "one ", "one two", "two"),
                Arguments.of("one two three", List.of("four"), "one two three", "one two three", null),
                Arguments.of("one two three", List.of(), "one two three", "one two three", null),
                Arguments.of("two", List.of("two"), "", "two", "two"),
                Arguments.of("one tw", List.of("two"), "one tw", "one tw", null),
                Arguments.of("aab", List.of("ab"), "a", "aab", "ab"),
                Arguments.of("aaaab", List.of("aab"), "aa", "aaaab", "aab"),
                Arguments.of("abababc", List.of("ababc"), "ab", "abababc", "ababc"),
                // Of several the one that ends first, of those the longest.
                Arguments.of("abcde", List.of("bcd", "cd", "e"), "a", "abcd", "bcd"),
                Arguments.of("abcde", List.of("bcde", "c"), "ab", "abc", "c"),
                Arguments.of("abcde", List.of("abcdef", "d"), "abc", "abcd", "d"),
                Arguments.of("abcabd", List.of("abd", "bcx"), "abc", "abcabd", "abd"),
                Arguments.of("春风又绿江南岸。明月", List.of("。"), "春风又绿江南岸", "春风又绿江南岸。", "。"),
                Arguments.of("a🌸b", List.of("🌸"), "a", "a🌸", "🌸"),
                Arguments.of("a\n\nb", List.of("\n\n"), "a", "a\n\n", "\n\n"),
                Arguments.of("a.b", List.of("."), "a", "a.", "."));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void text_howeverItIsCut_isShownUpToTheStopString(
            String text, List<String> strings, String without, String with, String matched) {
        for (List<String> pieces : cuts(text)) {
            assertThat(shown(new StopStrings(strings, false), pieces, matched))
                    .as("cut %s", pieces)
                    .isEqualTo(without);
            assertThat(shown(new StopStrings(strings, true), pieces, matched))
                    .as("cut %s", pieces)
                    .isEqualTo(with);
        }
    }

    /** Whole, by character, at every position, at every two positions. */
    private static List<List<String>> cuts(String text) {
        List<List<String>> cuts = new ArrayList<>();
        cuts.add(List.of(text));
        cuts.add(text.chars().mapToObj(c -> String.valueOf((char) c)).toList());
        for (int a = 0; a <= text.length(); a++) {
            cuts.add(List.of(text.substring(0, a), text.substring(a)));
            for (int b = a; b <= text.length(); b++) {
                cuts.add(List.of(text.substring(0, a), text.substring(a, b), text.substring(b)));
            }
        }
        return cuts;
    }

    private static String shown(StopStrings stopStrings, List<String> pieces, String matched) {
        StringBuilder shown = new StringBuilder();
        pieces.forEach(piece -> shown.append(stopStrings.append(piece)));
        shown.append(stopStrings.flush());
        assertThat(stopStrings.matched()).isEqualTo(matched);
        assertThat(stopStrings.append("more")).isEqualTo(matched == null ? "more" : "");
        return shown.toString();
    }

    @Test
    void random_textsAndStrings_areAsInTheWholeText() {
        for (long seed = 0; seed < 3000; seed++) {
            Random random = new Random(seed);
            String text = word(random, 30);
            List<String> strings = new ArrayList<>();
            for (int i = random.nextInt(4); i >= 0; i--) {
                strings.add("a" + word(random, 4));
            }
            StopStrings stopStrings = new StopStrings(strings, false);
            StringBuilder shown = new StringBuilder();
            for (int from = 0; from < text.length(); ) {
                int to = Math.min(text.length(), from + 1 + random.nextInt(5));
                shown.append(stopStrings.append(text.substring(from, to)));
                // What is shown never has to be taken back, and all is shown that cannot be the start of a stop string.
                assertThat(expected(text, strings)).startsWith(shown);
                from = to;
            }
            shown.append(stopStrings.flush());
            assertThat(shown).as("seed %d: \"%s\" %s", seed, text, strings).hasToString(expected(text, strings));
        }
    }

    private static String expected(String text, List<String> strings) {
        for (int end = 1; end <= text.length(); end++) {
            String head = text.substring(0, end);
            int longest = strings.stream()
                    .filter(head::endsWith)
                    .mapToInt(String::length)
                    .max()
                    .orElse(0);
            if (longest > 0) {
                return text.substring(0, end - longest);
            }
        }
        return text;
    }

    private static String word(Random random, int length) {
        StringBuilder word = new StringBuilder();
        for (int i = random.nextInt(length); i > 0; i--) {
            word.append((char) ('a' + random.nextInt(2)));
        }
        return word.toString();
    }

    @Test
    void append_keepsBackNoMoreThanMayBeAStopString() {
        StopStrings stopStrings = new StopStrings(List.of("END", "\n\n"), false);

        assertThat(stopStrings.append("The E")).isEqualTo("The ");
        assertThat(stopStrings.append("xE")).isEqualTo("Ex");
        assertThat(stopStrings.append("N")).isEmpty();
        assertThat(stopStrings.append("\n")).isEqualTo("EN");
        assertThat(stopStrings.append("a")).isEqualTo("\na");
        assertThat(stopStrings.flush()).isEmpty();
    }
}
