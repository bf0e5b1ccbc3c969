package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SamplingParametersTest {
    static Stream<Arguments> refused() {
        return Stream.of(
                row("temperature", -1, "temperature must be at least 0, got -1.0"),
                row("temperature", Double.NaN, "temperature must be a finite number, got NaN"),
                row("temperature", "0.7", "temperature must be a number, got \"0.7\""),
                row("top_k", 1.5, "top_k must be a whole number, got 1.5"),
                row("top_k", -2, "top_k must be at least -1, got -2"),
                row("top_k", 1e12, "top_k must be a whole number, got 1.0E12"),
                row("top_p", -0.1, "top_p must be at least 0, got -0.1"),
                row("top_p", true, "top_p must be a number, got true"),
                row("min_p", Double.POSITIVE_INFINITY, "min_p must be a finite number, got Infinity"),
                row("repetition_penalty", -1, "repetition_penalty must be at least 0, got -1.0"),
                row("presence_penalty", List.of(), "presence_penalty must be a number, got []"),
                row("frequency_penalty", Double.NaN, "frequency_penalty must be a finite number, got NaN"),
                row("distinct_token_penalty", "", "distinct_token_penalty must be a number, got \"\""),
                row("penalty_last_n", -2, "penalty_last_n must be at least -1, got -2"),
                row("exempt_markup_from_penalties", 1, "exempt_markup_from_penalties must be true or false, got 1"),
                row("logit_bias", List.of(), "logit_bias must be an object of token ids and numbers, got []"),
                row(
                        "logit_bias",
                        Map.of("cat", 1),
                        "logit_bias must be an object of token ids and numbers, got the id \"cat\""),
                row("logit_bias", Map.of("1", "x"), "logit_bias must be an object of token ids and numbers, got \"x\""),
                row("logit_bias", Map.of("1", Double.NaN), "logit_bias must hold numbers below +inf, got NaN"),
                row("logit_bias", Map.of("-1", 1), "logit_bias must hold token ids of at least 0, got -1"),
                row("allowed_token_ids", 3, "allowed_token_ids must be a list of token ids, got 3"),
                row("allowed_token_ids", List.of(-3), "allowed_token_ids must hold token ids of at least 0, got -3"),
                row("bad_words", 3, "bad_words must be a string or a list of strings, got 3"),
                row("bad_words", List.of(""), "bad_words must hold no empty string, got []"),
                row(
                        "bad_words_token_ids",
                        List.of(1),
                        "bad_words_token_ids must be a list of lists of token ids, got 1"),
                row("min_tokens", -1, "min_tokens must be at least 0, got -1"),
                row("max_tokens", 0, "max_tokens must be at least 1, got 0"),
                row("stop", List.of("a", ""), "stop must hold no empty string, got [a, ]"),
                row("stop", List.of(1), "stop must be a string or a list of strings, got [1]"),
                row("stop_token_ids", "2", "stop_token_ids must be a list of token ids, got \"2\""),
                row(
                        "include_stop_str_in_output",
                        "yes",
                        "include_stop_str_in_output must be true or false, got \"yes\""),
                row("ignore_eos", 0, "ignore_eos must be true or false, got 0"),
                row("seed", 0.5, "seed must be a whole number of 64 bits, got 0.5"),
                row(
                        "seed",
                        BigInteger.ONE.shiftLeft(64),
                        "seed must be a whole number of 64 bits, got 18446744073709551616"),
                row("processors", Map.of(), "processors must be a list of objects with a name and options, got {}"),
                row(
                        "processors",
                        List.of("top_k"),
                        "processors must be a list of objects with a name and options, got \"top_k\""),
                row(
                        "top-k",
                        1,
                        "unknown parameter \"top-k\" (did you mean \"top_k\"?); known: temperature, top_k, top_p, min_p,"
                                + " repetition_penalty, presence_penalty, frequency_penalty, distinct_token_penalty,"
                                + " penalty_last_n, exempt_markup_from_penalties, logit_bias, allowed_token_ids,"
                                + " bad_words, bad_words_token_ids, min_tokens, max_tokens, stop, stop_token_ids,"
                                + " include_stop_str_in_output, ignore_eos, seed, processors"));
    }

    private static Arguments row(String name, Object value, String message) {
        return Arguments.of(name, value, message);
    }

    @ParameterizedTest(name = "{2}")
    @MethodSource
    void refused(String name, Object value, String message) {
        assertThatThrownBy(() -> SamplingParameters.fromMap(Map.of(name, value)))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(message);
    }

    @Test
    void fromMap_severalMistakes_namesThemAllInOneOrder() {
        List<String> names = Arrays.asList("zeta", "top_p", "seed", "alpha", "temperature");
        for (int turn = 0; turn < 20; turn++) {
            java.util.Collections.shuffle(names, new Random(turn));
            Map<String, Object> json = new LinkedHashMap<>();
            names.forEach(name -> json.put(name, -0.5));

            assertThatThrownBy(() -> SamplingParameters.fromMap(json))
                    .isInstanceOfSatisfying(InvalidParametersException.class, e -> {
                        assertThat(e.problems()).hasSize(5);
                        assertThat(e.problems().get(0)).startsWith("unknown parameter \"alpha\"; known: ");
                        assertThat(e.problems().get(1)).startsWith("unknown parameter \"zeta\"; known: ");
                        assertThat(e.problems().subList(2, 5))
                                .containsExactly(
                                        "temperature must be at least 0, got -0.5",
                                        "top_p must be at least 0, got -0.5",
                                        "seed must be a whole number of 64 bits, got -0.5");
                        assertThat(e.getMessage()).isEqualTo(String.join("; ", e.problems()));
                    });
        }
    }

    @Test
    void fromMap_null_isNotSet() {
        Map<String, Object> json = new HashMap<>();
        json.put("temperature", null);

        assertThat(SamplingParameters.fromMap(json)).isEqualTo(SamplingParameters.NEUTRAL);
        assertThat(SamplingParameters.NEUTRAL.toMap()).isEmpty();
        assertThat(SamplingParameters.NEUTRAL.temperature()).isNull();
        assertThat(SamplingParameters.NEUTRAL.allowedTokenIds()).isNull();
        assertThat(SamplingParameters.NEUTRAL.stop()).isEmpty();
    }

    @Test
    void fromMap_oneStopString_isAListOfOne() {
        assertThat(SamplingParameters.fromMap(Map.of("stop", "x")))
                .isEqualTo(SamplingParameters.fromMap(Map.of("stop", List.of("x"))));
    }

    @Test
    void equality_isByValue_notByTypeOfNumber() {
        assertThat(SamplingParameters.fromMap(Map.of("temperature", 1, "top_k", 3.0, "seed", 4)))
                .isEqualTo(SamplingParameters.builder()
                        .topK(3)
                        .seed(4L)
                        .temperature(1.0)
                        .build())
                .hasSameHashCodeAs(SamplingParameters.builder()
                        .temperature(1)
                        .seed(4)
                        .topK(3)
                        .build())
                .isNotEqualTo(SamplingParameters.NEUTRAL)
                .hasToString("SamplingParameters{temperature=1.0, top_k=3, seed=4}");
    }

    @Test
    void seed_of64Bits_isKept() {
        for (long seed : new long[] {Long.MIN_VALUE, -1, 0, (1L << 53) + 1, Long.MAX_VALUE}) {
            SamplingParameters parameters = SamplingParameters.fromMap(Map.of("seed", seed));
            assertThat(parameters.seed()).isEqualTo(seed);
        }
    }

    @Test
    void toMap_isInOneOrder_andCannotBeChangedFromOutside() {
        List<Integer> ids = new ArrayList<>(List.of(3, 1));
        SamplingParameters parameters = SamplingParameters.builder()
                .seed(1)
                .stopTokenIds(ids)
                .logitBias(Map.of(20, 1.0, 3, 2.0))
                .temperature(0.5)
                .build();
        ids.add(9);

        assertThat(parameters.toMap())
                .hasToString("{temperature=0.5, logit_bias={3=2.0, 20=1.0}, stop_token_ids=[3, 1], seed=1}");
        parameters.toMap().clear();
        assertThat(parameters.toMap()).hasSize(4);
    }

    @Test
    void toMap_fromMap_roundTripsEverything() {
        for (long seed = 0; seed < 300; seed++) {
            SamplingParameters parameters = random(new Random(seed));
            assertThat(SamplingParameters.fromMap(parameters.toMap()))
                    .as("seed %d", seed)
                    .isEqualTo(parameters);
            assertThat(parameters.toBuilder().build()).isEqualTo(parameters);
        }
    }

    @Test
    void overrideWith_takesWhatIsSet() {
        for (long seed = 0; seed < 100; seed++) {
            SamplingParameters base = random(new Random(seed));
            SamplingParameters other = random(new Random(seed + 1000));
            Map<String, Object> expected = new TreeMap<>(base.toMap());
            expected.putAll(other.toMap());

            assertThat(base.overrideWith(other).toMap()).as("seed %d", seed).isEqualTo(expected);
            assertThat(base.overrideWith(SamplingParameters.NEUTRAL)).isEqualTo(base);
            assertThat(SamplingParameters.NEUTRAL.overrideWith(base)).isEqualTo(base);
            assertThat(base.overrideWith(base)).isEqualTo(base);
        }
    }

    /** Every parameter with one chance in two. */
    static SamplingParameters random(Random random) {
        Map<String, Object> all = new TreeMap<>();
        all.put("temperature", random.nextInt(20) / 10.0);
        all.put("top_k", random.nextInt(50) - 1);
        all.put("top_p", random.nextInt(11) / 10.0);
        all.put("min_p", random.nextInt(11) / 10.0);
        all.put("repetition_penalty", 0.5 + random.nextDouble());
        all.put("presence_penalty", random.nextGaussian());
        all.put("frequency_penalty", random.nextGaussian());
        all.put("distinct_token_penalty", random.nextGaussian());
        all.put("penalty_last_n", random.nextInt(100) - 1);
        all.put("exempt_markup_from_penalties", random.nextBoolean());
        all.put("logit_bias", Map.of(random.nextInt(10), random.nextGaussian(), 11, Double.NEGATIVE_INFINITY));
        all.put("allowed_token_ids", List.of(1, random.nextInt(50)));
        all.put("bad_words", List.of("x", "春"));
        all.put("bad_words_token_ids", List.of(List.of(1), List.of(random.nextInt(9), 2)));
        all.put("min_tokens", random.nextInt(5));
        all.put("max_tokens", 5 + random.nextInt(5));
        all.put("stop", List.of("\n\n"));
        all.put("stop_token_ids", List.of(random.nextInt(9)));
        all.put("include_stop_str_in_output", random.nextBoolean());
        all.put("ignore_eos", random.nextBoolean());
        all.put("seed", random.nextLong());
        all.put("processors", List.of(Map.of("name", "top_k", "k", 1 + random.nextInt(9), "ties", "keep_all")));
        all.keySet().removeIf(name -> random.nextBoolean());
        return SamplingParameters.fromMap(all);
    }

    static Stream<Arguments> warnings() {
        return Stream.of(
                Arguments.of(
                        Map.of("temperature", 0, "top_p", 0.9),
                        "temperature 0 decodes greedily: top_k, top_p and min_p have no effect"),
                Arguments.of(
                        Map.of("temperature", 0.7, "top_k", 1),
                        "top_k 1 leaves one token: temperature 0.7 has no effect"),
                Arguments.of(
                        Map.of("min_p", 1),
                        "min_p 1 keeps only the most probable token and its ties: nothing else has an effect"),
                Arguments.of(
                        Map.of("temperature", 1.8),
                        "temperature 1.8 without top_k, top_p or min_p draws often from the tail of the vocabulary;"
                                + " min_p 0.05 or top_p 0.9 keeps the text readable"),
                Arguments.of(
                        Map.of("repetition_penalty", 2),
                        "repetition_penalty 2.0 is unusually strong; the field uses 1.0 to 1.3"),
                Arguments.of(
                        Map.of("repetition_penalty", 0.9),
                        "repetition_penalty 0.9 is below 1 and encourages repetition"),
                Arguments.of(
                        Map.of("penalty_last_n", 64),
                        "penalty_last_n has no effect without repetition_penalty, presence_penalty or"
                                + " frequency_penalty"),
                Arguments.of(
                        Map.of("logit_bias", Map.of("5", -200)),
                        "logit_bias of token 5 is -200.0; vLLM clamps it to [-100, 100]"),
                Arguments.of(
                        Map.of("ignore_eos", true),
                        "ignore_eos without max_tokens generates until the context is full"));
    }

    @ParameterizedTest
    @MethodSource
    void warnings(Map<String, Object> json, String warning) {
        assertThat(SamplingParameters.fromMap(json).warnings()).containsExactly(warning);
    }

    @Test
    void warnings_ofUsualParameters_areNone() {
        assertThat(SamplingParameters.builder()
                        .temperature(0.7)
                        .topK(20)
                        .topP(0.8)
                        .repetitionPenalty(1.05)
                        .maxTokens(512)
                        .build()
                        .warnings())
                .isEmpty();
        assertThat(SamplingParameters.NEUTRAL.warnings()).isEmpty();
    }
}
