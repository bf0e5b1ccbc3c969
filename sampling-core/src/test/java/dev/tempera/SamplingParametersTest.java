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
                row("bad_words", List.of(""), "bad_words must hold no empty string, got [\"\"]"),
                row(
                        "bad_words_token_ids",
                        List.of(1),
                        "bad_words_token_ids must be a list of lists of token ids, got 1"),
                row("min_tokens", -1, "min_tokens must be at least 0, got -1"),
                row("max_tokens", 0, "max_tokens must be at least 1, got 0"),
                row("stop", List.of("a", ""), "stop must hold no empty string, got [\"a\", \"\"]"),
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
                        "processors",
                        List.of(Map.of("k", 3)),
                        "processors must have a \"name\" beside the options, as {\"name\": \"top_k\", \"k\": 5}, got"
                                + " {k=3}"),
                row("sampler", "greedy", "sampler must be an object with a name and options, got \"greedy\""),
                row("dynatemp_range", -1, "dynatemp_range must be at least 0, got -1.0"),
                row("mirostat", 3, "mirostat must be 0 (off), 1 or 2, got 3"),
                row(
                        "sequence_bias",
                        List.of(List.of(1, 2)),
                        "sequence_bias must be a list of pairs of token ids and a number, got 1"),
                row(
                        "sequence_bias",
                        List.of(List.of(List.of(1))),
                        "sequence_bias must be a list of pairs of token ids and a number, got [[1]]"),
                row(
                        "sequence_bias",
                        List.of(List.of(List.of(), 2)),
                        "sequence_bias must hold no empty token sequence, got []"),
                row(
                        "sequence_bias",
                        List.of(List.of(List.of(4), Double.NaN)),
                        "sequence_bias must hold numbers below +inf, got NaN"),
                row(
                        "forced_eos_token_id",
                        "</s>",
                        "forced_eos_token_id must be a token id or a list of token ids, got \"</s>\""),
                row(
                        "exponential_decay_length_penalty",
                        List.of(5),
                        "exponential_decay_length_penalty must be a list of two numbers, start and factor, got [5]"),
                row(
                        "exponential_decay_length_penalty",
                        List.of(5, 0),
                        "exponential_decay_length_penalty must have a factor greater than 0, got 0.0"),
                row(
                        "exponential_decay_length_penalty",
                        List.of(-5, 2),
                        "exponential_decay_length_penalty must have a start of at least 0, got -5"),
                row(
                        "samplers",
                        5,
                        "samplers must be a list of names, names joined by \";\", or a string of one letter"
                                + " for each, got 5"),
                row(
                        "samplers",
                        List.of("top_q"),
                        "samplers must hold names out of penalties, dry, top_n_sigma, top_k, typ_p, top_p, min_p, xtc,"
                                + " temperature, infill, adaptive_p, got \"top_q\""),
                row(
                        "samplers",
                        "kq",
                        "samplers must be names, or letters out of e (penalties), d (dry), s (top_n_sigma), k (top_k),"
                                + " y (typ_p), p (top_p), m (min_p), x (xtc), t (temperature), i (infill), a"
                                + " (adaptive_p), got \"kq\""),
                row("banned_strings", List.of(""), "banned_strings must hold no empty string, got [\"\"]"),
                row(
                        "stop_regex",
                        "a(",
                        "stop_regex must hold regular expressions, got \"a(\": Unclosed group near index 2"),
                row("max_time", -1, "max_time must be greater than 0 (seconds), got -1.0"),
                row("max_time", 0, "max_time must be greater than 0 (seconds), got 0.0"),
                row(
                        "repetition_detection",
                        3,
                        "repetition_detection must be an object with max_pattern_size, min_pattern_size and min_count,"
                                + " got 3"),
                row(
                        "repetition_detection",
                        Map.of("max_pattern_size", 3),
                        "repetition_detection: min_count must be given"),
                row(
                        "repetition_detection",
                        Map.of("max_pattern_size", 3, "min_count", 1),
                        "repetition_detection: min_count must be at least 2, got 1"),
                row(
                        "repetition_detection",
                        Map.of("max_pattern_size", 3, "min_pattern_size", 4, "min_count", 2),
                        "repetition_detection: min_pattern_size must be at most max_pattern_size (3), got 4"),
                row(
                        "repetition_detection",
                        Map.of("max_pattern_size", 3, "min_count", 2, "size", 4),
                        "repetition_detection: has no field \"size\"; it has max_pattern_size, min_count,"
                                + " min_pattern_size"),
                row(
                        "top-k",
                        1,
                        "unknown parameter \"top-k\" (did you mean \"top_k\"?); known: "
                                + String.join(", ", SamplingParameters.names())));
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
        for (String name : List.of(
                "dynatemp_range",
                "dynatemp_exponent",
                "smoothing_factor",
                "smoothing_curve",
                "guidance_scale",
                "typical_p",
                "top_a",
                "tfs",
                "top_n_sigma",
                "top_h",
                "epsilon_cutoff",
                "eta_cutoff",
                "xtc_probability",
                "xtc_threshold",
                "encoder_repetition_penalty",
                "dry_multiplier",
                "dry_base",
                "mirostat_tau",
                "mirostat_eta",
                "adaptive_target",
                "adaptive_decay",
                "max_time")) {
            all.put(name, (1 + random.nextInt(9)) / 10.0);
        }
        for (String name : List.of(
                "min_keep",
                "dry_allowed_length",
                "dry_penalty_last_n",
                "no_repeat_ngram_size",
                "encoder_no_repeat_ngram_size",
                "forced_bos_token_id",
                "min_length",
                "thinking_token_budget")) {
            all.put(name, random.nextInt(20));
        }
        all.put("dry_sequence_breakers", List.of("\n", ":"));
        all.put("sequence_bias", List.of(List.of(List.of(3, random.nextInt(9)), -1.5), List.of(List.of(1), 2)));
        all.put("banned_strings", List.of("as an AI"));
        all.put("suppress_tokens", List.of(random.nextInt(9)));
        all.put("begin_suppress_tokens", List.of(random.nextInt(9)));
        all.put("forced_eos_token_id", random.nextBoolean() ? 7 : List.of(7, 8));
        all.put("exponential_decay_length_penalty", List.of(random.nextInt(9), 1.5));
        all.put("remove_invalid_values", random.nextBoolean());
        all.put("renormalize_logits", random.nextBoolean());
        all.put("mirostat", random.nextInt(3));
        all.put("sampler", Map.of("name", "greedy", "x", 1));
        all.put("samplers", random.nextBoolean() ? "kpmt" : List.of("top_k", "temperature"));
        all.put("stop_regex", List.of("a+"));
        all.put("repetition_detection", Map.of("max_pattern_size", 3, "min_count", 2 + random.nextInt(3)));
        all.put("processors", List.of(Map.of("name", "top_k", "k", 1 + random.nextInt(9), "ties", "keep_all")));
        assertThat(all.keySet()).as("every parameter").containsExactlyInAnyOrderElementsOf(SamplingParameters.names());
        all.keySet().removeIf(name -> random.nextBoolean());
        return SamplingParameters.fromMap(all);
    }

    /** Every parameter is written by a method of its name and read by an accessor of its name. */
    @Test
    void builder_andAccessors_haveEveryParameter() throws ReflectiveOperationException {
        SamplingParameters parameters = random(new Random(1));
        for (String name : SamplingParameters.names()) {
            String method = camelCase(name);
            assertThat(Arrays.stream(SamplingParameters.Builder.class.getMethods())
                            .filter(m -> m.getName().equals(method)))
                    .as(name)
                    .hasSize(1);
            Object value = SamplingParameters.class.getMethod(method).invoke(parameters);
            Object unset = SamplingParameters.class.getMethod(method).invoke(SamplingParameters.NEUTRAL);
            if (parameters.toMap().containsKey(name)) {
                assertThat(value).as(name).isNotNull().isNotEqualTo(unset);
            } else {
                assertThat(value).as(name).isEqualTo(unset);
            }
        }
    }

    private static String camelCase(String name) {
        StringBuilder method = new StringBuilder();
        for (String part : name.split("_")) {
            method.append(
                    method.isEmpty()
                            ? part
                            : part.substring(0, 1).toUpperCase(java.util.Locale.ROOT) + part.substring(1));
        }
        return method.toString();
    }

    @Test
    void builder_setsWhatTheAccessorsGive() {
        RepetitionDetection detection = new RepetitionDetection(3, 0, 2);
        SamplingParameters parameters = SamplingParameters.builder()
                .exponentialDecayLengthPenalty(6, 1.5)
                .sequenceBias(Map.of(List.of(1, 2), -1.0))
                .repetitionDetection(detection)
                .sampler(ProcessorSpec.of("greedy", Map.of()))
                .samplers(List.of("temp", "nucleus", "top-k"))
                .forcedEosTokenId(List.of(2))
                .build();

        assertThat(parameters.exponentialDecayLengthPenalty()).isEqualTo(List.of(6, 1.5));
        assertThat(parameters.sequenceBias()).isEqualTo(Map.of(List.of(1, 2), -1.0));
        assertThat(parameters.repetitionDetection()).isEqualTo(detection);
        assertThat(parameters.samplers()).containsExactly("temperature", "top_p", "top_k");
        assertThat(parameters.toMap())
                .hasToString("{sequence_bias=[[[1, 2], -1.0]], forced_eos_token_id=[2],"
                        + " exponential_decay_length_penalty=[6, 1.5], sampler={name=greedy}, samplers=[temperature,"
                        + " top_p, top_k], repetition_detection={max_pattern_size=3, min_pattern_size=0,"
                        + " min_count=2}}");
        assertThat(SamplingParameters.fromMap(parameters.toMap())).isEqualTo(parameters);
    }

    @ParameterizedTest
    @org.junit.jupiter.params.provider.ValueSource(
            strings = {"edskypmxt", "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature"})
    void samplers_asOneString_areNames(String typed) {
        assertThat(SamplingParameters.fromMap(Map.of("samplers", typed)).samplers())
                .containsExactlyElementsOf(ChainOrder.DEFAULT);
        assertThat(SamplingParameters.fromMap(Map.of("samplers", "dry")).samplers())
                .containsExactly("dry");
        assertThat(SamplingParameters.fromMap(Map.of("samplers", "")).samplers())
                .isEmpty();
    }
}
