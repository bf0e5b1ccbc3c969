package dev.tempera.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.InvalidParametersException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class StopTextTest {
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
            assertThat(shown(new StopText(strings, List.of(), false), pieces, matched))
                    .as("cut %s", pieces)
                    .isEqualTo(without);
            assertThat(shown(new StopText(strings, List.of(), true), pieces, matched))
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

    private static String shown(StopText stopText, List<String> pieces, String matched) {
        StringBuilder shown = new StringBuilder();
        pieces.forEach(piece -> shown.append(stopText.append(piece)));
        shown.append(stopText.flush());
        assertThat(stopText.matched()).isEqualTo(matched);
        assertThat(stopText.append("!")).isEqualTo(matched == null ? "!" : "");
        return shown.toString();
    }

    @Test
    void append_negativeLookaheadOfSeveralCharacters_waitsForAllOfThem() {
        StopText stop = new StopText(List.of(), List.of(StopRegex.compile("b(?!ca)")), false);

        assertThat(stop.append("abc")).isEqualTo("a");
        assertThat(stop.matched()).isNull();
        assertThat(stop.append("a")).isEqualTo("bca");
        assertThat(stop.append("bcb")).isEmpty();
        assertThat(stop.matched()).isEqualTo("b(?!ca)");
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
            StopText stopText = new StopText(strings, List.of(), false);
            StringBuilder shown = new StringBuilder();
            for (int from = 0; from < text.length(); ) {
                int to = Math.min(text.length(), from + 1 + random.nextInt(5));
                shown.append(stopText.append(text.substring(from, to)));
                // What is shown never has to be taken back, and all is shown that cannot be the start of a stop string.
                assertThat(expected(text, strings)).startsWith(shown);
                from = to;
            }
            shown.append(stopText.flush());
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
        StopText stopText = new StopText(List.of("END", "\n\n"), List.of(), false);

        assertThat(stopText.append("The E")).isEqualTo("The ");
        assertThat(stopText.append("xE")).isEqualTo("Ex");
        assertThat(stopText.append("N")).isEmpty();
        assertThat(stopText.append("\n")).isEqualTo("EN");
        assertThat(stopText.append("a")).isEqualTo("\na");
        assertThat(stopText.flush()).isEmpty();
    }

    /** Text, stop strings, patterns, what is shown without and with the match, which stop it was. */
    static Stream<Arguments> patternCases() {
        return Stream.of(
                Arguments.of("one 2 three", List.of(), List.of("\\d"), "one ", "one 2", "\\d"),
                Arguments.of("one two", List.of(), List.of("\\d"), "one two", "one two", null),
                // The first text that has a match ends there, although the match could grow.
                Arguments.of("in 2026 and", List.of(), List.of("\\d+"), "in ", "in 2", "\\d+"),
                Arguments.of("in 2026 and", List.of(), List.of("\\d{4}"), "in ", "in 2026", "\\d{4}"),
                Arguments.of("a\n \nb", List.of(), List.of("\n\\s*\n"), "a", "a\n \n", "\n\\s*\n"),
                Arguments.of("xabcy", List.of(), List.of("abcd|b"), "xa", "xab", "abcd|b"),
                Arguments.of("say \"a\" now", List.of(), List.of("\"[^\"]*\""), "say ", "say \"a\"", "\"[^\"]*\""),
                // What more text could undo waits for it.
                Arguments.of("food", List.of(), List.of("foo\\b"), "food", "food", null),
                Arguments.of("foo d", List.of(), List.of("foo\\b"), "", "foo", "foo\\b"),
                Arguments.of("the end", List.of(), List.of("end$"), "the ", "the end", "end$"),
                Arguments.of("ends", List.of(), List.of("end$"), "ends", "ends", null),
                // The text before the match is seen as well.
                Arguments.of("ab b", List.of(), List.of("(?<=a)b"), "a", "ab", "(?<=a)b"),
                Arguments.of("ab\nb", List.of(), List.of("(?m)^b"), "ab\n", "ab\nb", "(?m)^b"),
                Arguments.of("a user", List.of(), List.of("(?i)USER"), "a ", "a user", "(?i)USER"),
                Arguments.of(
                        "春风又绿江南岸。明月",
                        List.of(),
                        List.of("\\p{IsPunctuation}"),
                        "春风又绿江南岸",
                        "春风又绿江南岸。",
                        "\\p{IsPunctuation}"),
                // Of several the one that ends first, of those the longest.
                Arguments.of("abcde", List.of("cd"), List.of("e", "b.d"), "a", "abcd", "b.d"),
                Arguments.of("abcde", List.of("bc"), List.of("a.*d"), "a", "abc", "bc"),
                Arguments.of("abcde", List.of("d"), List.of("c.", "[bc]"), "a", "ab", "[bc]"));
    }

    @ParameterizedTest
    @MethodSource("patternCases")
    void text_howeverItIsCut_isShownUpToThePattern(
            String text, List<String> strings, List<String> patterns, String without, String with, String matched) {
        List<StopRegex> compiled = patterns.stream().map(StopRegex::compile).toList();
        for (List<String> pieces : cuts(text)) {
            assertThat(shown(new StopText(strings, compiled, false), pieces, matched))
                    .as("cut %s", pieces)
                    .isEqualTo(without);
            assertThat(shown(new StopText(strings, compiled, true), pieces, matched))
                    .as("cut %s", pieces)
                    .isEqualTo(with);
        }
    }

    @Test
    void random_textsAndPatterns_endAtTheShortestTextWithAMatch() {
        String[] parts = {"a", "b", "ab", "[ab]", "a+", "b*", "(ab|b)", "a?b", ".", "(?!a)", "(?<=b)", "\\b", "a{2}"};
        int matches = 0;
        for (long seed = 0; seed < 3000; seed++) {
            Random random = new Random(seed);
            String text = word(random, 20);
            String regex = "a";
            for (int i = random.nextInt(3); i >= 0; i--) {
                regex += parts[random.nextInt(parts.length)];
            }
            StopText stopText = new StopText(List.of(), List.of(StopRegex.compile(regex)), false);
            StringBuilder shown = new StringBuilder();
            for (int from = 0; from < text.length(); ) {
                int to = Math.min(text.length(), from + 1 + random.nextInt(5));
                shown.append(stopText.append(text.substring(from, to)));
                from = to;
            }
            shown.append(stopText.flush());
            String expected = expected(text, Pattern.compile(regex));
            assertThat(shown).as("seed %d: \"%s\" %s", seed, text, regex).hasToString(expected);
            matches += stopText.matched() != null ? 1 : 0;
        }
        assertThat(matches).isBetween(1000, 2900);
    }

    private static String expected(String text, Pattern pattern) {
        for (int end = 1; end <= text.length(); end++) {
            Matcher matcher = pattern.matcher(text.substring(0, end));
            while (matcher.find()) {
                if (end == text.length() || !matcher.requireEnd()) {
                    return text.substring(0, matcher.start());
                }
            }
        }
        return text;
    }

    @Test
    void append_keepsBackNoMoreThanMayBeAMatch() {
        StopText stopText =
                new StopText(List.of(), List.of(StopRegex.compile("<[a-z]+>"), StopRegex.compile("\n\\d")), false);

        assertThat(stopText.append("a < b, <")).isEqualTo("a < b, ");
        assertThat(stopText.append("xy")).isEmpty();
        assertThat(stopText.append("z ")).isEqualTo("<xyz ");
        assertThat(stopText.append("\n")).isEmpty();
        assertThat(stopText.append("\n")).isEqualTo("\n");
        assertThat(stopText.flush()).isEqualTo("\n");
    }

    @Test
    void append_keepsBackOnlySoMuch_thenGoesOn() {
        StopText stopText = new StopText(List.of(), List.of(StopRegex.compile("(?s)<.*>")), false);
        String flowers = "🌸".repeat(StopRegex.LONGEST / 2);

        assertThat(stopText.append("a <" + flowers.substring(2))).isEqualTo("a ");
        assertThat(stopText.append("b")).isEmpty();
        assertThat(stopText.append("c")).isEqualTo("<" + flowers.substring(2) + "bc");
        assertThat(stopText.append(">")).isEqualTo(">");
        assertThat(stopText.append("<d>")).isEmpty();
        assertThat(stopText.matched()).isEqualTo("(?s)<.*>");
    }

    @Test
    void append_neverShowsHalfACharacter() {
        StopText stopText = new StopText(List.of(), List.of(StopRegex.compile("(?s).*END")), false);

        assertThat(stopText.append("🌸".repeat(StopRegex.LONGEST / 2))).isEmpty();
        assertThat(stopText.append("a")).isEmpty();
        assertThat(stopText.append("b")).isEqualTo("🌸");
    }

    @Test
    void passedOver_isNoMatch_butMayBeginOne() {
        StopText stopText = new StopText(List.of("stop"), List.of(StopRegex.compile("\\d\\d")), false);

        assertThat(stopText.append("a stop 12, ", false)).isEqualTo("a stop 12, ");
        assertThat(stopText.append("sto", false)).isEmpty();
        assertThat(stopText.append("p", true)).isEmpty();
        assertThat(stopText.matched()).isEqualTo("stop");

        StopText open = new StopText(List.of(), List.of(StopRegex.compile("end$")), false);
        assertThat(open.append("the end", false)).isEqualTo("the ");
        assertThat(open.flush()).isEqualTo("end");
    }

    @ParameterizedTest
    @ValueSource(strings = {"(a*?a)*?c", "(a+a+)+\\1c"})
    void pattern_thatBacktracksForEver_isGivenUp(String regex) {
        StopText stopText = new StopText(List.of(), List.of(StopRegex.compile("b" + regex)), false);

        assertThatThrownBy(() -> stopText.append("b" + "a".repeat(200)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("stop_regex \"b" + regex + "\" took more than 8388608 steps on the text that was generated;"
                        + " write it without a repetition inside a repetition, or with a possessive one such as a*+");
    }

    @Test
    void pattern_thatStartsAnywhere_isNoTrouble() {
        StopText stopText = new StopText(List.of(), List.of(StopRegex.compile("(?s).*END")), false);

        assertThat(stopText.append("a".repeat(1500))).hasSize(1500 - StopRegex.LONGEST);
        assertThat(stopText.append("bEND")).isEmpty();
        assertThat(stopText.matched()).isEqualTo("(?s).*END");
    }

    @Test
    void pattern_ofTheEmptyText_isRefused() {
        assertThatThrownBy(() -> StopRegex.compile("\\d*"))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("stop_regex must not match the empty text, which would end every generation at once,"
                        + " got \"\\d*\"");
    }
}
