package dev.tempera.processor;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingPipeline;
import dev.tempera.Ties;
import dev.tempera.TokenScope;
import dev.tempera.Vocabulary;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Each value that a processor refuses, and what it says. */
class ProcessorMessagesTest {
    private static final TokenScope ALL = TokenScope.PROMPT_AND_GENERATED;

    static Stream<Arguments> refusedValues() {
        double nan = Double.NaN;
        double inf = Double.POSITIVE_INFINITY;
        return Stream.of(
                refused(() -> new Temperature(0), "temperature must be a finite number greater than 0, got 0.0"),
                refused(() -> new Temperature(-1), "temperature must be a finite number greater than 0, got -1.0"),
                refused(() -> new Temperature(nan), "temperature must be a finite number greater than 0, got NaN"),
                refused(() -> new Temperature(inf), "temperature must be a finite number greater than 0, got Infinity"),
                refused(
                        () -> new Temperature(1e-60),
                        "temperature must be a finite number greater than 0, got 1.0E-60"),
                refused(
                        () -> new DynamicTemperature(-0.1, 1, 1),
                        "low must be a finite temperature of at least 0, got -0.1"),
                refused(
                        () -> new DynamicTemperature(1, 0.5, 1),
                        "high must be a finite temperature of at least low (1.0), got 0.5"),
                refused(
                        () -> new DynamicTemperature(0, inf, 1),
                        "high must be a finite temperature of at least low (0.0), got Infinity"),
                refused(
                        () -> new DynamicTemperature(0, 1, -1),
                        "exponent must be a finite number of at least 0, got -1.0"),
                refused(() -> new QuadraticSmoothing(nan), "factor must be a finite number of at least 0, got NaN"),
                refused(() -> new QuadraticSmoothing(0.3, 0.5), "curve must be a finite number of at least 1, got 0.5"),
                refused(() -> new Softcap(0), "softcap must be a finite number greater than 0, got 0.0"),
                refused(() -> new Softcap(nan), "softcap must be a finite number greater than 0, got NaN"),
                refused(() -> new ClassifierFreeGuidance(inf), "guidance_scale must be a finite number, got Infinity"),
                refused(() -> new ExponentialDecayLengthPenalty(-1, 2), "start must be at least 0 tokens, got -1"),
                refused(
                        () -> new ExponentialDecayLengthPenalty(1, 0),
                        "factor must be a finite number greater than 0, got 0.0"),
                refused(() -> new SequenceBias(Map.of()), "sequence_bias must name at least one sequence, got none"),
                refused(
                        () -> new SequenceBias(Map.of(List.of(), 1.0)),
                        "sequence_bias must hold no empty token sequence, got []"),
                refused(
                        () -> new SequenceBias(Map.of(List.of(1, -2), 1.0)),
                        "sequence_bias must hold token ids of at least 0, got -2"),
                refused(
                        () -> new SequenceBias(Map.of(List.of(1, 2), inf)),
                        "sequence_bias of [1, 2] must be a finite number or -inf, got Infinity"),
                refused(() -> new Skew(11), "skew must be in [-10, 10], got 11.0"),
                refused(() -> new Skew(nan), "skew must be in [-10, 10], got NaN"),
                refused(() -> new TopK(0), "top_k must be at least 1, got 0"),
                refused(() -> new TopK(-1, Ties.LOWEST_IDS), "top_k must be at least 1, got -1"),
                refused(() -> new TopP(1.2), "top_p must be in [0, 1], got 1.2"),
                refused(() -> new TopP(-0.1), "top_p must be in [0, 1], got -0.1"),
                refused(() -> new TopP(nan), "top_p must be in [0, 1], got NaN"),
                refused(() -> new TopP(0.5, 0), "min_keep must be at least 1, got 0"),
                refused(() -> new MinP(1.5), "min_p must be in [0, 1], got 1.5"),
                refused(() -> new MinP(nan), "min_p must be in [0, 1], got NaN"),
                refused(() -> new MinP(0.5, -2), "min_keep must be at least 1, got -2"),
                refused(() -> new TopA(1.5), "top_a must be in [0, 1], got 1.5"),
                refused(() -> new TopA(nan), "top_a must be in [0, 1], got NaN"),
                refused(() -> new TopA(0.5, 0), "min_keep must be at least 1, got 0"),
                refused(() -> new TopH(-0.1), "top_h must be in [0, 1], got -0.1"),
                refused(() -> new TopH(nan), "top_h must be in [0, 1], got NaN"),
                refused(() -> new TopNSigma(-1), "top_n_sigma must be a finite number of at least 0, got -1.0"),
                refused(() -> new TopNSigma(inf), "top_n_sigma must be a finite number of at least 0, got Infinity"),
                refused(() -> new TopNSigma(nan), "top_n_sigma must be a finite number of at least 0, got NaN"),
                refused(() -> new TopNSigma(1, 0), "min_keep must be at least 1, got 0"),
                refused(() -> new EpsilonCutoff(1.1), "epsilon_cutoff must be in [0, 1], got 1.1"),
                refused(() -> new EpsilonCutoff(nan), "epsilon_cutoff must be in [0, 1], got NaN"),
                refused(() -> new EpsilonCutoff(0.1, 0), "min_keep must be at least 1, got 0"),
                refused(() -> new EtaCutoff(-0.1), "eta_cutoff must be in [0, 1], got -0.1"),
                refused(() -> new EtaCutoff(nan), "eta_cutoff must be in [0, 1], got NaN"),
                refused(() -> new EtaCutoff(0.1, 0), "min_keep must be at least 1, got 0"),
                refused(() -> new TypicalP(-0.1), "typical_p must be in [0, 1], got -0.1"),
                refused(() -> new TypicalP(nan), "typical_p must be in [0, 1], got NaN"),
                refused(() -> new TypicalP(0.5, 0, Ties.KEEP_ALL), "min_keep must be at least 1, got 0"),
                refused(() -> new TailFree(-0.1), "tail_free must be in [0, 1], got -0.1"),
                refused(() -> new TailFree(nan), "tail_free must be in [0, 1], got NaN"),
                refused(() -> new TailFree(0.5, 0), "min_keep must be at least 1, got 0"),
                refused(() -> new Xtc(1.5, 0.1), "xtc_probability must be in [0, 1], got 1.5"),
                refused(() -> new Xtc(nan, 0.1), "xtc_probability must be in [0, 1], got NaN"),
                refused(() -> new Xtc(0.5, -0.1), "xtc_threshold must be in [0, 1], got -0.1"),
                refused(() -> new Xtc(0.5, 0.1, 0, List.of(), false), "min_keep must be at least 1, got 0"),
                refused(
                        () -> new Xtc(0.5, 0.1, 1, List.of(4, -2), true),
                        "protected_token_ids must hold token ids of at least 0, got -2"),
                refused(
                        () -> new RepetitionPenalty(0),
                        "repetition_penalty must be a finite number greater than 0, got 0.0"),
                refused(
                        () -> new RepetitionPenalty(nan),
                        "repetition_penalty must be a finite number greater than 0, got NaN"),
                refused(() -> new RepetitionPenalty(1.1, 0, ALL), "window must be at least 1 token, got 0"),
                refused(
                        () -> new RepetitionPenalty(1e-60),
                        "repetition_penalty must be a finite number greater than 0, got 1.0E-60"),
                refused(() -> new PresencePenalty(1e300), "presence_penalty must be a finite number, got 1.0E300"),
                refused(() -> new PresencePenalty(inf), "presence_penalty must be a finite number, got Infinity"),
                refused(() -> new PresencePenalty(1, -1, ALL), "window must be at least 1 token, got -1"),
                refused(() -> new FrequencyPenalty(nan), "frequency_penalty must be a finite number, got NaN"),
                refused(() -> new FrequencyPenalty(1, 0, ALL), "window must be at least 1 token, got 0"),
                refused(() -> new DistinctTokenPenalty(nan), "distinct_token_penalty must be a finite number, got NaN"),
                refused(() -> new DistinctTokenPenalty(1, 0, ALL), "window must be at least 1 token, got 0"),
                refused(() -> new LogitBias(Map.of(4, nan)), "logit_bias[4] must be a finite number or -inf, got NaN"),
                refused(
                        () -> new LogitBias(Map.of(4, inf)),
                        "logit_bias[4] must be a finite number or -inf, got Infinity"),
                refused(() -> new LogitBias(Map.of(-4, 1.0)), "logit_bias must name token ids of at least 0, got -4"),
                refused(() -> new AllowedTokens(List.of()), "allowed_token_ids must name at least one token, got none"),
                refused(() -> new AllowedTokens(List.of(2, -1)), "allowed_token_ids must be at least 0, got -1"),
                refused(() -> watermark(0, 2, 1), "gamma must be in (0, 1), got 0.0"),
                refused(() -> watermark(1, 2, 1), "gamma must be in (0, 1), got 1.0"),
                refused(() -> watermark(nan, 2, 1), "gamma must be in (0, 1), got NaN"),
                refused(() -> watermark(0.5, 0, 1), "delta must be a finite number greater than 0, got 0.0"),
                refused(() -> watermark(0.5, inf, 1), "delta must be a finite number greater than 0, got Infinity"),
                refused(() -> watermark(0.5, 2, 0), "context_width must be in [1, 1000], got 0"),
                refused(() -> new MinTokens(-1), "min_tokens must be at least 0, got -1"),
                refused(() -> new SuppressTokens(List.of()), "suppress_tokens must name at least one token, got none"),
                refused(() -> new SuppressTokens(List.of(4, -2)), "suppress_tokens must be at least 0, got -2"),
                refused(
                        () -> new BeginSuppressTokens(List.of()),
                        "begin_suppress_tokens must name at least one token, got none"),
                refused(() -> new BeginSuppressTokens(List.of(1), -1, ALL), "begin_index must be at least 0, got -1"),
                refused(() -> new ForcedBos(-1), "forced_bos_token_id must be at least 0, got -1"),
                refused(() -> new ForcedEos(-1, 4), "forced_eos_token_id must be at least 0, got -1"),
                refused(
                        () -> new ForcedEos(List.of(), 4, ALL),
                        "forced_eos_token_id must name at least one token, got none"),
                refused(() -> new ForcedEos(1, 0), "max_length must be at least 1, got 0"),
                refused(() -> new ForcedTokens(List.of()), "forced_tokens must name at least one token, got none"),
                refused(() -> new ForcedTokens(List.of(1, -3)), "forced_tokens must be at least 0, got -3"),
                refused(() -> new ForcedTokens(List.of(1), -1), "position must be at least 0, got -1"),
                refused(BadWords::of, "bad_words must name at least one word, got none"),
                refused(() -> BadWords.of("ok", " "), "bad_words must hold no blank word, got [\"ok\", \" \"]"),
                refused(
                        () -> BadWords.ofTokenIds(List.of(List.of(1), List.of())),
                        "bad_words_token_ids must hold no empty token sequence, got [[1], []]"),
                refused(
                        () -> BadWords.ofTokenIds(List.of(List.of(1, -5))),
                        "bad_words_token_ids must hold token ids of at least 0, got -5"));
    }

    private static LogitsProcessor watermark(double gamma, double delta, int contextWidth) {
        return new GreenListWatermark(gamma, delta, 1, contextWidth, GreenListWatermark.Seeding.LEFTHASH);
    }

    private static Arguments refused(Supplier<LogitsProcessor> processor, String message) {
        return Arguments.of(processor, message);
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource
    void refusedValues(Supplier<LogitsProcessor> processor, String message) {
        assertThatThrownBy(processor::get)
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(message);
    }

    /** What only the vocabulary can tell, when a sequence starts. */
    static Stream<Arguments> refusedByTheVocabulary() {
        return Stream.of(
                Arguments.of(
                        new SequenceBias(Map.of(List.of(1, 10), 1.0)),
                        "sequence_bias must hold token ids below 10, got 10"),
                Arguments.of(
                        new Xtc(0.5, 0.1, 1, List.of(10), false),
                        "protected_token_ids must hold token ids below 10, got 10"),
                Arguments.of(new LogitBias(Map.of(10, 1.0)), "logit_bias must name token ids below 10, got 10"),
                Arguments.of(new AllowedTokens(List.of(3, 12)), "allowed_token_ids must be below 10, got 12"),
                Arguments.of(new SuppressTokens(List.of(3, 12)), "suppress_tokens must be below 10, got 12"),
                Arguments.of(new BeginSuppressTokens(List.of(10)), "begin_suppress_tokens must be below 10, got 10"),
                Arguments.of(new ForcedBos(10), "forced_bos_token_id must be below 10, got 10"),
                Arguments.of(new ForcedEos(11, 4), "forced_eos_token_id must be below 10, got 11"),
                Arguments.of(new ForcedTokens(List.of(1, 10)), "forced_tokens must be below 10, got 10"),
                Arguments.of(
                        BadWords.ofTokenIds(List.of(List.of(1, 99))),
                        "bad_words_token_ids must hold token ids below 10, got 99"),
                Arguments.of(
                        BadWords.of("ugly"),
                        "this vocabulary has no tokenizer: give token ids instead of \"ugly\", or use an engine that"
                                + " has one"));
    }

    @ParameterizedTest
    @MethodSource
    void refusedByTheVocabulary(LogitsProcessor processor, String message) {
        assertThatThrownBy(() -> SamplingPipeline.of(processor).start(new int[0], Vocabulary.ofRows(10), 1))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(message);
    }

    static Stream<Arguments> refusedFromAPrefixFunction() {
        return Stream.of(
                Arguments.of(new int[0], "the prefix function must allow at least one token, got none after 2 tokens"),
                Arguments.of(
                        new int[] {3, 10, 4},
                        "the prefix function must allow token ids in [0, 10), got 10 after 2 tokens"),
                Arguments.of(
                        new int[] {3, -1},
                        "the prefix function must allow token ids in [0, 10), got -1 after 2 tokens"));
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource
    void refusedFromAPrefixFunction(int[] allowed, String message) {
        var sequence = SamplingPipeline.of(new PrefixConstraint(history -> allowed))
                .start(new int[] {1, 2}, Vocabulary.ofRows(10), 1);
        assertThatThrownBy(() -> sequence.process(new float[10]))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(message);
    }

    @Test
    void vocabularyWithoutTokenizer_tellsNoText() {
        Vocabulary vocabulary = Vocabulary.ofRows(10);
        String message = "this vocabulary has no tokenizer, so tokens have no text: use an engine that has one";
        assertThatThrownBy(() -> vocabulary.decode(3))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(message);
        assertThatThrownBy(() -> vocabulary.bytes(3))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(message);
    }

    @Test
    void process_withoutForSequence_isTheSame() {
        // A processor that runs inside another one's process is never asked forSequence.
        SamplingPipeline wrapped = SamplingPipeline.of((logits, context) -> {
            new AllowedTokens(List.of(1, 2)).process(logits, context);
            new LogitBias(Map.of(1, 3.0)).process(logits, context);
            BadWords.ofTokenIds(List.of(List.of(0, 2))).process(logits, context);
            new MinTokens(5).process(logits, context);
            new SuppressTokens(List.of(3)).process(logits, context);
            new BeginSuppressTokens(List.of(1)).process(logits, context);
            new ForcedTokens(List.of(1), 7).process(logits, context);
            new ForcedEos(1, 7).process(logits, context);
        });
        var sequence = wrapped.start(new int[0], Vocabulary.ofRows(4), new int[] {3}, 1);
        sequence.accept(0);

        org.assertj.core.api.Assertions.assertThat(
                        sequence.process(new float[] {1, 1, 1, 1}).values())
                .containsExactly(Float.NEGATIVE_INFINITY, 4, Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY);
    }
}
