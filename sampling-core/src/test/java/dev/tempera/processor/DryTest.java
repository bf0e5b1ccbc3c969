package dev.tempera.processor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class DryTest {
    private static final int ALL = Integer.MAX_VALUE;

    /** Text, the processor, what is subtracted from which token. */
    static Stream<Arguments> penalties() {
        return Stream.of(
                // a b c after ... a b: one token beyond what is free.
                arguments("1 2 3 9 1 2", dry(1, 2, 1), "3:2"),
                arguments("1 2 3 9 1 2", dry(1, 2, 2), "3:1"),
                arguments("1 2 3 9 1 2", dry(1, 2, 3), ""),
                arguments("1 2 3 1 2 4 1 2", dry(0.5, 2, 1), "3:1 4:1"),
                // The longer of two repetitions counts.
                arguments("5 1 2 3 6 2 3 5 1 2", dry(1, 2, 1), "3:4"),
                arguments("2 3 5 1 2 3 6 5 1 2", dry(1, 2, 1), "3:4"),
                arguments("1 1 1 1", dry(1, 2, 2), "1:2"),
                arguments("1 1 1 1", dry(1, 2, 4), ""),
                arguments("1 2 3", dry(1, 2, 0), "2:1 3:1"),
                arguments("", dry(1, 2, 0), ""),
                arguments("7", dry(1, 2, 0), ""),
                // The window holds what is compared and what may follow.
                arguments("1 2 3 9 1 2", dry(1, 2, 1, 5), "3:1"),
                arguments("1 2 3 9 1 2", dry(1, 2, 1, 4), ""),
                // A breaker ends the repetition, wherever it stands in it.
                arguments("1 2 3 9 1 2", dry(1, 2, 1, ALL, "1"), "3:1"),
                arguments("1 2 3 9 1 2", dry(1, 2, 1, ALL, "2"), ""),
                arguments("1 2 3 9 1 2", dry(1, 2, 1, ALL, "3"), ""),
                arguments("1 2 3 9 1 2", dry(1, 2, 1, ALL, "9"), "3:2"),
                arguments("1 2 3 9 1 2", dry(1, 2, 0, ALL, "2"), "1:1 3:1 9:1"),
                arguments("4 5 1 2 3 4 5 1 2", dry(1, 2, 0, ALL, "4 5"), "1:1 2:1 3:4 4:1 5:1"),
                arguments("4 5 1 2 3 4 5 1 2", dry(1, 2, 0, ALL, "5 4"), "1:1 2:1 3:16 4:1 5:1"),
                // Of two with the same beginning the longer one counts.
                arguments("4 5 1 2 3 4 5 1 2", dry(1, 2, 0, ALL, "4, 4 5"), "1:1 2:1 3:4 5:1"),
                arguments("4 5 1 2 3 4 5 1 2", dry(1, 2, 0, ALL, "4, 4 6"), "1:1 2:1 3:8 5:1"),
                // One that has begun, but not ended, is none.
                arguments("1 2 3 9 1 2", dry(1, 2, 1, ALL, "2 7"), "3:2"),
                // The last token of a longer breaker is lowered, that of a single one is not.
                arguments("1 2 3 9 1 2", dry(1, 2, 1, ALL, "8 3"), "3:2"),
                arguments("1 2 3 9 1 2", dry(0, 2, 1), ""),
                arguments("1 2 3 9 1 2", dry(1, 0.99, 1), ""),
                arguments("1 2 3 9 1 2", dry(-1, 2, 1), "3:-2"),
                arguments("1 2 3 9 1 2", dry(3, 1, 1), "3:3"));
    }

    @ParameterizedTest
    @MethodSource
    void penalties(String text, Dry dry, String expected) {
        Map<Integer, Double> penalties = new TreeMap<>();
        for (String entry : expected.split(" ")) {
            if (!entry.isEmpty()) {
                String[] parts = entry.split(":");
                penalties.put(Integer.valueOf(parts[0]), Double.valueOf(parts[1]));
            }
        }
        assertThat(lowered(ids(text), dry, 12)).isEqualTo(penalties);
    }

    /** Against the definition, compared token by token. */
    @Test
    void penalties_areThoseOfTheDefinition() {
        int lowered = 0;
        for (int seed = 0; seed < 3000; seed++) {
            Random random = new Random(seed);
            int rows = 2 + random.nextInt(6);
            List<Integer> history = new ArrayList<>();
            int size = random.nextInt(40);
            for (int i = 0; i < size; i++) {
                boolean copies = i > 4 && random.nextInt(3) > 0;
                history.add(copies ? history.get(i - 3 - random.nextInt(2)) : random.nextInt(rows));
            }
            List<List<Integer>> breakers = new ArrayList<>();
            for (int i = random.nextInt(4); i > 0; i--) {
                breakers.add(random.ints(1 + random.nextInt(3), 0, rows).boxed().toList());
            }
            int window = random.nextBoolean() ? ALL : 1 + random.nextInt(40);
            Dry dry = new Dry(0.5, 2, random.nextInt(4), window, breakers, List.of());
            Map<Integer, Double> expected = naive(history, dry);
            lowered += expected.size();

            assertThat(lowered(history, dry, rows))
                    .as("seed %d: %s after %s", seed, dry, history)
                    .isEqualTo(expected);
        }
        assertThat(lowered).isGreaterThan(3000);
    }

    private static Map<Integer, Double> naive(List<Integer> history, Dry dry) {
        List<Integer> text = history.subList(Math.max(0, history.size() - dry.window()), history.size());
        int limit = text.size();
        for (int start = text.size() - 1; start >= 0 && limit == text.size(); start--) {
            for (List<Integer> breaker : dry.breakerTokenIds()) {
                int end = start + breaker.size();
                if (end <= text.size() && text.subList(start, end).equals(breaker)) {
                    limit = Math.min(limit, text.size() - end);
                }
            }
        }
        Map<Integer, Double> penalties = new TreeMap<>();
        for (int at = 1; at < text.size() && text.size() > dry.allowedLength(); at++) {
            int length = 0;
            while (length < at && text.get(at - 1 - length).equals(text.get(text.size() - 1 - length))) {
                length++;
            }
            length = Math.min(length, limit);
            if (length >= dry.allowedLength() && !dry.breakerTokenIds().contains(List.of(text.get(at)))) {
                double penalty = dry.multiplier() * Math.pow(dry.base(), length - dry.allowedLength());
                penalties.merge(text.get(at), penalty, Math::max);
            }
        }
        return penalties;
    }

    @Test
    void exponent_isLimited_andFiniteLogitsStayFinite() {
        List<Integer> ones = Collections.nCopies(400, 1);

        assertThat(lowered(ones, dry(1, 4, 0), 3).get(1)).isEqualTo(Math.pow(4, 63));
        assertThat(lowered(ones, dry(1, 1.0000001, 0), 3).get(1)).isEqualTo(1.0, within(1e-4));
        assertThat(process(ones, dry(1e30, 4, 0), 1, 1, 1)).containsExactly(1, -Float.MAX_VALUE, 1);
        assertThat(process(ones, dry(-1e30, 4, 0), 1, 1, 1)).containsExactly(1, Float.MAX_VALUE, 1);
    }

    @Test
    void maskedTokens_stayMasked() {
        float inf = Float.POSITIVE_INFINITY;

        assertThat(process(List.of(1, 1, 1), dry(1, 2, 0), 1, -inf, 1)).containsExactly(1, -inf, 1);
        assertThat(process(List.of(1, 1, 1), dry(-3e38, 2, 0), 1, -inf, 1)).containsExactly(1, -inf, 1);
        assertThat(process(List.of(1, 1, 1), dry(1, 2, 0), 1, Float.NaN, 1)[1]).isNaN();
        assertThat(process(List.of(1, 1, 1), dry(1, 2, 0), 1, inf, 1)).containsExactly(1, inf, 1);
    }

    /** The bytes of tokens; "。" is E3 80 82. */
    private static final List<byte[]> TOKENS = List.of(
            bytes("a"), // 0
            bytes("b"), // 1
            bytes("\n"), // 2
            bytes("x:\n"), // 3
            bytes("<e"), // 4
            bytes("nd>"), // 5
            bytes("n"), // 6
            bytes("d>"), // 7
            new byte[] {(byte) 0xE3, (byte) 0x80}, // 8
            new byte[] {(byte) 0x82}, // 9
            bytes("。"), // 10
            bytes("<<"), // 11
            bytes("end>"), // 12
            new byte[0]); // 13: markup

    private static final Vocabulary VOCABULARY = new Vocabulary() {
        @Override
        public int rows() {
            return TOKENS.size() + 2;
        }

        @Override
        public boolean isToken(int tokenId) {
            return tokenId < TOKENS.size();
        }

        @Override
        public byte[] bytes(int tokenId) {
            return TOKENS.get(tokenId);
        }

        @Override
        public int[] encode(String text) {
            return switch (text) {
                case "nd>" -> new int[] {5};
                case "end>" -> new int[] {12};
                default -> throw new IllegalArgumentException(text);
            };
        }
    };

    /** Text, a breaker, tokens that follow it; -1 without any. */
    static Stream<Arguments> breakersAsText() {
        return Stream.of(
                arguments("0 1 2 0 1", "\n", 2),
                arguments("0 1 3 0 1", "\n", 2), // inside a token
                arguments("0 4 5 0 1", "<end>", 2), // in two tokens
                arguments("0 11 12 1", "<end>", 1), // beginning inside a token
                arguments("0 4 6 7 1", "<end>", -1), // in tokens that the tokenizer would not take
                arguments("0 4 0 1", "<end>", -1),
                arguments("0 10 1", "。", 1),
                arguments("0 8 9 1", "。", -1), // in the middle of a character
                arguments("0 13 1", "\n", -1));
    }

    @ParameterizedTest
    @MethodSource
    void breakersAsText(String text, String breaker, int after) {
        SequenceBreakers breakers = SequenceBreakers.of(List.of(), List.of("unlikely", breaker), VOCABULARY);
        List<Integer> newestFirst = new ArrayList<>(ids(text));
        Collections.reverse(newestFirst);
        int[] tokens = newestFirst.stream().mapToInt(Integer::intValue).toArray();

        assertThat(breakers.tokensAfter(tokens, tokens.length)).isEqualTo(after < 0 ? tokens.length : after);
    }

    @Test
    void vocabulary_isReadOnceForTheSameBreakers() {
        int[] read = new int[1];
        Vocabulary counting = new Vocabulary() {
            @Override
            public int rows() {
                return 3;
            }

            @Override
            public boolean isToken(int tokenId) {
                return true;
            }

            @Override
            public int[] encode(String text) {
                return new int[0];
            }

            @Override
            public byte[] bytes(int tokenId) {
                read[0]++;
                return new byte[] {'a', 'b'};
            }
        };
        for (List<String> breakers : List.of(List.of("a"), List.of("a"), List.of("z"), List.of("z"))) {
            Dry dry = new Dry(1, 2, 0, ALL, List.of(), breakers);
            assertThat(lowered(List.of(1, 2, 1), dry, counting).isEmpty()).isEqualTo(breakers.contains("a"));
        }

        assertThat(read[0]).isEqualTo(6);
    }

    @Test
    void tokenThatContainsABreaker_isNeverLowered() {
        List<Integer> text = List.of(0, 1, 3, 4, 0, 1);
        Dry dry = new Dry(1, 2, 1, ALL, List.of(), List.of("\n"));

        assertThat(lowered(text, dry(1, 2, 1), VOCABULARY)).isEqualTo(Map.of(3, 2.0));
        assertThat(lowered(text, dry, VOCABULARY)).isEmpty();
    }

    static Stream<Arguments> refused() {
        List<List<Integer>> none = List.of();
        return Stream.of(
                refusal(() -> dry(Double.NaN, 2, 1), "dry_multiplier must be a finite number, got NaN"),
                refusal(() -> dry(1, Double.POSITIVE_INFINITY, 1), "dry_base must be a finite number, got Infinity"),
                refusal(() -> dry(1, 2, -1), "dry_allowed_length must be at least 0, got -1"),
                refusal(() -> dry(1, 2, 1, 0), "window must be at least 1 token, got 0"),
                refusal(
                        () -> dry(1, 2, 1, 9, "1, "),
                        "dry_breaker_token_ids must hold no empty sequence, got [[1], []]"),
                refusal(
                        () -> dry(1, 2, 1, 9, "1 -2"),
                        "dry_breaker_token_ids must hold token ids of at least 0, got -2"),
                refusal(
                        () -> new Dry(1, 2, 1, 9, none, List.of("\n", "")),
                        "dry_breakers must hold no empty text, got [\"\\n\", \"\"]"),
                refusal(
                        () -> start(dry(1, 2, 1, 9, "1 12"), Vocabulary.ofRows(12), List.of()),
                        "dry_breaker_token_ids must hold token ids below 12, got 12"),
                refusal(
                        () -> start(new Dry(1, 2, 1, 9, none, List.of("\n")), Vocabulary.ofRows(12), List.of()),
                        "this vocabulary has no tokenizer, so tokens have no text: use an engine that has one"));
    }

    private static Arguments refusal(Supplier<Object> made, String message) {
        return arguments(made, message);
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource
    void refused(Supplier<Object> made, String message) {
        assertThatThrownBy(made::get)
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(message);
    }

    @Test
    void process_withoutForSequence_isTheSame() {
        LogitsProcessor wrapper = (logits, context) -> dry(1, 2, 1).process(logits, context);

        assertThat(lowered(List.of(1, 2, 3, 9, 1, 2), wrapper, Vocabulary.ofRows(12)))
                .isEqualTo(Map.of(3, 2.0));
    }

    private static Dry dry(double multiplier, double base, int allowedLength) {
        return dry(multiplier, base, allowedLength, ALL);
    }

    private static Dry dry(double multiplier, double base, int allowedLength, int window) {
        return new Dry(multiplier, base, allowedLength, window, List.of(), List.of());
    }

    /** Breakers as token ids, divided by commas. */
    private static Dry dry(double multiplier, double base, int allowedLength, int window, String breakers) {
        List<List<Integer>> ids =
                Arrays.stream(breakers.split(",", -1)).map(DryTest::ids).toList();
        return new Dry(multiplier, base, allowedLength, window, ids, List.of());
    }

    /** By token: what is subtracted from a logit of 0, without the tokens that stay. */
    private static Map<Integer, Double> lowered(List<Integer> text, Dry dry, int rows) {
        return lowered(text, dry, Vocabulary.ofRows(rows));
    }

    private static Map<Integer, Double> lowered(List<Integer> text, LogitsProcessor processor, Vocabulary vocabulary) {
        float[] logits = start(processor, vocabulary, text)
                .process(new float[vocabulary.rows()])
                .values();
        Map<Integer, Double> penalties = new TreeMap<>();
        for (int id = 0; id < logits.length; id++) {
            if (logits[id] != 0 && vocabulary.isToken(id)) {
                penalties.put(id, (double) -logits[id]);
            }
        }
        return penalties;
    }

    private static float[] process(List<Integer> text, Dry dry, float... logits) {
        return start(dry, Vocabulary.ofRows(logits.length), text)
                .process(logits)
                .values();
    }

    /** The first half of the text is the prompt. */
    private static SequenceSampler start(LogitsProcessor processor, Vocabulary vocabulary, List<Integer> text) {
        int[] ids = text.stream().mapToInt(Integer::intValue).toArray();
        SequenceSampler sequence =
                SamplingPipeline.of(processor).start(Arrays.copyOf(ids, ids.length / 2), vocabulary, 1);
        for (int i = ids.length / 2; i < ids.length; i++) {
            sequence.accept(ids[i]);
        }
        return sequence;
    }

    private static List<Integer> ids(String text) {
        return Arrays.stream(text.split(" "))
                .filter(id -> !id.isEmpty())
                .map(Integer::valueOf)
                .toList();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
