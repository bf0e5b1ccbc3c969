package dev.tempera.processor;

import static java.util.Map.of;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Ties;
import dev.tempera.TokenScope;
import dev.tempera.Vocabulary;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What goes in and what comes out, one line a case, to be checked by hand. */
class ProcessorTableTest {
    private static final double NEVER = Double.NEGATIVE_INFINITY;
    private static final TokenScope ALL = TokenScope.PROMPT_AND_GENERATED;
    private static final TokenScope GENERATED = TokenScope.GENERATED;

    /** Probabilities, the processor, probabilities. */
    static Stream<Arguments> probabilities() {
        return Stream.of(
                arguments("0.1 0.2 0.3 0.4", new TopK(1), "0 0 0 1"),
                arguments("0.1 0.2 0.3 0.4", new TopK(2), "0 0 0.42857 0.57143"),
                arguments("0.1 0.2 0.3 0.4", new TopK(3), "0 0.22222 0.33333 0.44444"),
                arguments("0.1 0.2 0.3 0.4", new TopK(4), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new TopK(9), "0.1 0.2 0.3 0.4"),
                arguments("0.4 0.1 0.3 0.2", new TopK(2), "0.57143 0 0.42857 0"),
                arguments("0.1 0.3 0.3 0.3", new TopK(2), "0 0.33333 0.33333 0.33333"),
                arguments("0.1 0.3 0.3 0.3", new TopK(2, Ties.LOWEST_IDS), "0 0.5 0.5 0"),
                arguments("0.3 0.1 0.3 0.3", new TopK(1, Ties.LOWEST_IDS), "1 0 0 0"),
                arguments("0.2 0.2 0.4 0.2", new TopK(2, Ties.LOWEST_IDS), "0.33333 0 0.66667 0"),
                arguments("0.25 0.25 0.25 0.25", new TopK(1), "0.25 0.25 0.25 0.25"),
                arguments("0.5 0 0 0.5", new TopK(3), "0.5 0 0 0.5"),
                arguments("0.1 0.2 0.3 0.4", new TopP(0), "0 0 0 1"),
                arguments("0.1 0.2 0.3 0.4", new TopP(0.39), "0 0 0 1"),
                arguments("0.1 0.2 0.3 0.4", new TopP(0.41), "0 0 0.42857 0.57143"),
                arguments("0.1 0.2 0.3 0.4", new TopP(0.69), "0 0 0.42857 0.57143"),
                arguments("0.1 0.2 0.3 0.4", new TopP(0.71), "0 0.22222 0.33333 0.44444"),
                arguments("0.1 0.2 0.3 0.4", new TopP(0.91), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new TopP(1), "0.1 0.2 0.3 0.4"),
                arguments("0.4 0.1 0.3 0.2", new TopP(0.5), "0.57143 0 0.42857 0"),
                arguments("0.25 0.25 0.25 0.25", new TopP(0.3), "0.5 0.5 0 0"),
                arguments("0.25 0.25 0.25 0.25", new TopP(0.5), "0.5 0.5 0 0"),
                arguments("0.1 0.2 0.3 0.4", new TopP(0.1, 3), "0 0.22222 0.33333 0.44444"),
                arguments("0.1 0.2 0.3 0.4", new TopP(0.95, 2), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new TopP(0, 9), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new MinP(0), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new MinP(0.24), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new MinP(0.26), "0 0.22222 0.33333 0.44444"),
                arguments("0.1 0.2 0.3 0.4", new MinP(0.51), "0 0 0.42857 0.57143"),
                arguments("0.1 0.2 0.3 0.4", new MinP(0.76), "0 0 0 1"),
                arguments("0.1 0.2 0.3 0.4", new MinP(1), "0 0 0 1"),
                arguments("0.2 0.4 0 0.4", new MinP(1), "0 0.5 0 0.5"),
                arguments("0.1 0.2 0.3 0.4", new MinP(1, 2), "0 0 0.42857 0.57143"),
                arguments("0.1 0.2 0.3 0.4", new MinP(0.26, 2), "0 0.22222 0.33333 0.44444"),
                arguments("0.2 0.2 0.2 0.4", new MinP(1, 2), "0.33333 0 0 0.66667"),
                arguments("0.1 0.2 0.3 0.4", new TopA(0), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new TopA(0.6), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new TopA(0.65), "0 0.22222 0.33333 0.44444"),
                arguments("0.05 0.05 0.9", new TopA(0.06), "0.05 0.05 0.9"),
                arguments("0.05 0.05 0.9", new TopA(0.07), "0 0 1"),
                arguments("0.05 0.05 0.9", new TopA(0.07, 2), "0.05263 0 0.94737"),
                arguments("0.25 0.25 0.25 0.25", new TopA(1), "0.25 0.25 0.25 0.25"),
                arguments("0.1 0.2 0.3 0.4", new EpsilonCutoff(0), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new EpsilonCutoff(0.19), "0 0.22222 0.33333 0.44444"),
                arguments("0.1 0.2 0.3 0.4", new EpsilonCutoff(0.21), "0 0 0.42857 0.57143"),
                arguments("0.1 0.2 0.3 0.4", new EpsilonCutoff(0.5), "0 0 0 1"),
                arguments("0.1 0.2 0.3 0.4", new EpsilonCutoff(0.5, 2), "0 0 0.42857 0.57143"),
                arguments("0.3 0.3 0.4", new EpsilonCutoff(0.5, 2), "0.3 0.3 0.4"),
                arguments("0.25 0.25 0.25 0.25", new EpsilonCutoff(0.25), "0.25 0.25 0.25 0.25"),
                arguments("0.25 0.25 0.25 0.25", new EpsilonCutoff(0.9), "0.25 0.25 0.25 0.25"),
                // H is 1.27985, so e^-H is 0.27808.
                arguments("0.1 0.2 0.3 0.4", new EtaCutoff(0), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new EtaCutoff(0.05), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new EtaCutoff(0.12), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new EtaCutoff(0.13), "0 0.22222 0.33333 0.44444"),
                arguments("0.1 0.2 0.3 0.4", new EtaCutoff(1), "0 0 0.42857 0.57143"),
                arguments("0.1 0.2 0.3 0.4", new EtaCutoff(1, 3), "0 0.22222 0.33333 0.44444"),
                // -p ln p: 0.36652, 0.36119, 0.32189, 0.23026; running: 0.28638, 0.56859, 0.82010, 1 of H.
                arguments("0.1 0.2 0.3 0.4", new TopH(0), "0 0 0 1"),
                arguments("0.1 0.2 0.3 0.4", new TopH(0.56), "0 0 0 1"),
                arguments("0.1 0.2 0.3 0.4", new TopH(0.57), "0 0 0.42857 0.57143"),
                arguments("0.1 0.2 0.3 0.4", new TopH(0.83), "0 0.22222 0.33333 0.44444"),
                arguments("0.1 0.2 0.3 0.4", new TopH(1), "0.1 0.2 0.3 0.4"),
                arguments("0.25 0.25 0.25 0.25", new TopH(0.5), "0.5 0.5 0 0"),
                arguments("0.5 0 0.5 0", new TopH(1), "0.5 0 0.5 0"),
                // Surprises 2.30, 1.61, 1.20, 0.92; H is 1.28: order 0.3, 0.2, 0.4, 0.1.
                arguments("0.1 0.2 0.3 0.4", new TypicalP(0), "0 0 1 0"),
                arguments("0.1 0.2 0.3 0.4", new TypicalP(0.29), "0 0 1 0"),
                arguments("0.1 0.2 0.3 0.4", new TypicalP(0.31), "0 0.4 0.6 0"),
                arguments("0.1 0.2 0.3 0.4", new TypicalP(0.51), "0 0.22222 0.33333 0.44444"),
                arguments("0.1 0.2 0.3 0.4", new TypicalP(0.91), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new TypicalP(1), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new TypicalP(0.1, 2, Ties.KEEP_ALL), "0 0.4 0.6 0"),
                arguments("0.1 0.2 0.3 0.4", new TypicalP(0.1, 2, Ties.LOWEST_IDS), "0 0.4 0.6 0"),
                arguments("0.25 0.25 0.25 0.25", new TypicalP(0.3), "0.25 0.25 0.25 0.25"),
                arguments("0.25 0.25 0.25 0.25", new TypicalP(0.3, 1, Ties.LOWEST_IDS), "0.5 0.5 0 0"),
                // llama.cpp goes on when the sum meets p exactly.
                arguments("0.25 0.25 0.25 0.25", new TypicalP(0.5, 1, Ties.LOWEST_IDS), "0.33333 0.33333 0.33333 0"),
                arguments("0.25 0.25 0.25 0.25", new TypicalP(0.25, 9, Ties.LOWEST_IDS), "0.25 0.25 0.25 0.25"),
                arguments("0 0 1", new TypicalP(0.5), "0 0 1"),
                // Falling 0.5 0.3 0.15 0.04 0.01: differences 0.05 0.04 0.08, normalised 0.294 0.235 0.471.
                arguments("0.5 0.3 0.15 0.04 0.01", new TailFree(0.2), "1 0 0 0 0"),
                arguments("0.5 0.3 0.15 0.04 0.01", new TailFree(0.2, 2), "0.625 0.375 0 0 0"),
                arguments("0.5 0.3 0.15 0.04 0.01", new TailFree(0), "1 0 0 0 0"),
                arguments("0.5 0.3 0.15 0.04 0.01", new TailFree(0.5), "1 0 0 0 0"),
                arguments("0.5 0.3 0.15 0.04 0.01", new TailFree(0.54), "0.625 0.375 0 0 0"),
                arguments("0.5 0.3 0.15 0.04 0.01", new TailFree(1), "0.5 0.3 0.15 0.04 0.01"),
                arguments("0.01 0.04 0.15 0.3 0.5", new TailFree(0.54), "0 0 0 0.375 0.625"),
                arguments("0.4 0.6", new TailFree(0.1), "0.4 0.6"),
                arguments("0.25 0.25 0.25 0.25", new TailFree(0.6), "1 0 0 0"),
                // The sum of the squares is 0.3.
                arguments("0.1 0.2 0.29 0.41", new PLess(), "0 0 0 1"),
                arguments("0.1 0.2 0.31 0.39", new PLess(), "0 0 0.44286 0.55714"),
                arguments("0.5 0 0.5 0", new PLess(), "0.5 0 0.5 0"),
                arguments("0.2 0.2 0.2 0.2 0.2", new PLess(), "0.2 0.2 0.2 0.2 0.2"),
                arguments("0.1 0.2 0.3 0.4", new Xtc(0, 0.1), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new Xtc(1, 0.31), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new Xtc(1, 0.29), "0.16667 0.33333 0.5 0"),
                arguments("0.1 0.2 0.3 0.4", new Xtc(1, 0.19), "0.33333 0.66667 0 0"),
                arguments("0.1 0.2 0.3 0.4", new Xtc(1, 0), "1 0 0 0"),
                arguments("0.1 0.3 0.3 0.3", new Xtc(1, 0.2), "0.25 0 0 0.75"),
                arguments("0.1 0.2 0.3 0.4", new Xtc(1, 0.19, 2, List.of(), false), "0.33333 0.66667 0 0"),
                arguments("0.1 0.2 0.3 0.4", new Xtc(1, 0.19, 3, List.of(), false), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new Xtc(1, 0.19, 1, List.of(3), false), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new Xtc(1, 0.19, 1, List.of(0, 1), false), "0.33333 0.66667 0 0"),
                // Half of the time 1/3 and 2/3, else as it was.
                arguments("0.1 0.2 0.3 0.4", new Xtc(0.5, 0.19, 1, List.of(), true), "0.21667 0.43333 0.15 0.2"),
                arguments("0.1 0.2 0.3 0.4", new Xtc(0.25, 0.29, 1, List.of(), true), "0.11667 0.23333 0.35 0.3"),
                arguments("0.1 0.2 0.3 0.4", new Xtc(1, 0.29, 1, List.of(), true), "0.16667 0.33333 0.5 0"),
                arguments("0.1 0.2 0.3 0.4", new Xtc(0.5, 0.29, 1, List.of(3), true), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new Temperature(1), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new Temperature(0.5), "0.03333 0.13333 0.3 0.53333"),
                arguments("0.1 0.2 0.3 0.4", new Temperature(2), "0.16270 0.23009 0.28180 0.32540"),
                arguments("0 0.2 0.8", new Temperature(2), "0 0.33333 0.66667"),
                arguments("0.1 0.2 0.3 0.4", new Temperature(0.001), "0 0 0 1"),
                arguments("0.1 0.2 0.3 0.4", new Temperature(1e30), "0.25 0.25 0.25 0.25"),
                // Equally likely: T is high. One certain: T is low. ln 2 of ln 4 possible: half way.
                arguments("0.25 0.25 0.25 0.25", new DynamicTemperature(0.5, 2, 1), "0.25 0.25 0.25 0.25"),
                arguments("0 0.2 0.8", new DynamicTemperature(2, 2, 1), "0 0.33333 0.66667"),
                arguments("0.1 0.2 0.3 0.4", new DynamicTemperature(0.5, 0.5, 3), "0.03333 0.13333 0.3 0.53333"),
                arguments("0.1 0.2 0.3 0.4", new DynamicTemperature(0.5, 2, 0), "0.16270 0.23009 0.28180 0.32540"),
                arguments("0.1 0.3 0.3 0.3", new DynamicTemperature(0, 0, 1), "0 1 0 0"),
                arguments("0 1 0 0", new DynamicTemperature(0, 3, 1), "0 1 0 0"),
                arguments("0.1 0.2 0.3 0.4", new Renormalize(), "0.1 0.2 0.3 0.4"),
                arguments("0 0.2 0.3 0.5", new RemoveInvalidValues(), "0 0.2 0.3 0.5"),
                arguments("0 0.2 0.3 0.5", new RemoveInvalidValues(true), "0 0.2 0.3 0.5"),
                arguments("0.1 0.2 0.3 0.4", new ClassifierFreeGuidance(1), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new QuadraticSmoothing(0), "0.1 0.2 0.3 0.4"),
                arguments("0.1 0.2 0.3 0.4", new Softcap(1e6), "0.1 0.2 0.3 0.4"),
                // Sums 0.4 0.7 0.9 1 squared: 0.16 0.49 0.81 1.
                arguments("0.1 0.2 0.3 0.4", new Skew(Math.log(2)), "0.19 0.32 0.33 0.16"),
                arguments("0.1 0.2 0.3 0.4", new Skew(0), "0.1 0.2 0.3 0.4"),
                arguments("0.25 0.75", new Skew(-Math.log(2)), "0.13397 0.86603"),
                arguments("0.5 0 0.5 0", new Skew(Math.log(2)), "0.25 0 0.75 0"),
                arguments("1", new Skew(3), "1"),
                arguments("0.1 0.2 0.3 0.4", new AllowedTokens(List.of(1, 3)), "0 0.33333 0 0.66667"),
                arguments("0.1 0.2 0.3 0.4", new AllowedTokens(List.of(3, 0, 3)), "0.2 0 0 0.8"),
                arguments("0.1 0.2 0.3 0.4", new LogitBias(of(0, Math.log(4))), "0.30769 0.15385 0.23077 0.30769"),
                arguments("0.1 0.2 0.3 0.4", new LogitBias(of(3, NEVER)), "0.16667 0.33333 0.5 0"),
                arguments("0.1 0.2 0.3 0.4", new LogitBias(of()), "0.1 0.2 0.3 0.4"),
                arguments("0 0.2 0.3 0.5", new LogitBias(of(0, 50.0)), "0 0.2 0.3 0.5"),
                arguments("1", new TopP(0.5), "1"),
                arguments("1", new TopK(3), "1"),
                arguments("1", new MinP(0.5), "1"));
    }

    @ParameterizedTest
    @MethodSource
    void probabilities(String before, LogitsProcessor processor, String after) {
        double[] given = numbers(before);
        float[] logits = new float[given.length];
        for (int i = 0; i < given.length; i++) {
            logits[i] = (float) Math.log(given[i]);
        }
        assertThat(softmax(run(processor, "", "", logits))).containsExactly(numbers(after), within(1e-5));
    }

    /** Prompt, generated tokens, logits, the processor, logits. */
    static Stream<Arguments> logits() {
        return Stream.of(
                arguments("0", "1", "2 -2 0 4", new RepetitionPenalty(2), "1 -4 0 4"),
                arguments("2", "2 2", "2 -2 0 4", new RepetitionPenalty(2), "2 -2 0 4"),
                arguments("0 1", "", "0.5 -0.5 0 4", new RepetitionPenalty(2), "0.25 -1 0 4"),
                arguments("0", "3 3 3", "2 -2 0 4", new RepetitionPenalty(2), "1 -2 0 2"),
                arguments("0", "1", "2 -2 0 4", new RepetitionPenalty(0.5), "4 -1 0 4"),
                arguments("0", "1", "2 -2 0 4", new RepetitionPenalty(1), "2 -2 0 4"),
                arguments("0", "1", "-inf -2 0 4", new RepetitionPenalty(2), "-inf -4 0 4"),
                arguments("0", "1", "2 -2 0 4", new RepetitionPenalty(2, 1, ALL), "2 -4 0 4"),
                arguments("0", "1", "2 -2 0 4", new RepetitionPenalty(2, 2, ALL), "1 -4 0 4"),
                arguments("0", "3 1", "2 -2 0 4", new RepetitionPenalty(2, 2, ALL), "2 -4 0 2"),
                arguments("0", "1", "2 -2 0 4", new RepetitionPenalty(2, 9, GENERATED), "2 -4 0 4"),
                arguments("", "", "2 -2 0 4", new RepetitionPenalty(2), "2 -2 0 4"),
                arguments("0", "1 1 2", "1 1 1 1", new PresencePenalty(0.5), "1 0.5 0.5 1"),
                arguments("0", "1 1 2", "1 1 1 1", new PresencePenalty(0.5, 9, ALL), "0.5 0.5 0.5 1"),
                arguments("0", "1 1 2", "1 1 1 1", new PresencePenalty(0.5, 1, ALL), "1 1 0.5 1"),
                arguments("0", "1 1 2", "1 1 1 1", new PresencePenalty(-2), "1 3 3 1"),
                arguments("0", "1 1 2", "1 1 1 1", new FrequencyPenalty(0.5), "1 0 0.5 1"),
                arguments("0 1", "1 1 2", "1 1 1 1", new FrequencyPenalty(0.5, 9, ALL), "0.5 -0.5 0.5 1"),
                arguments("0 1", "1 1 2", "1 1 1 1", new FrequencyPenalty(0.5, 2, ALL), "1 0.5 0.5 1"),
                arguments("0 1", "1 1 2", "1 1 1 1", new FrequencyPenalty(0), "1 1 1 1"),
                arguments("0", "1 1 2", "1 1 1 1", new DistinctTokenPenalty(0.5), "0.5 0.5 0.5 1"),
                arguments("0", "1 1 2", "1 1 1 1", new DistinctTokenPenalty(0.5, 9, GENERATED), "1 0.5 0.5 1"),
                arguments("0", "1 1 2", "1 -inf 1 1", new DistinctTokenPenalty(0.5, 2, ALL), "1 -inf 0.5 1"),
                arguments("", "", "4 3 1 -inf", new QuadraticSmoothing(2), "4 2 -14 -inf"),
                arguments("", "", "4 3 1 -inf", new QuadraticSmoothing(2, 2), "4 2 -32 -inf"),
                arguments("", "", "4 3 1 -inf", new QuadraticSmoothing(2, 3), "4 2 -50 -inf"),
                arguments("", "", "4 3 inf NaN", new QuadraticSmoothing(2), "4 3 inf NaN"),
                arguments("", "", "0 30 inf -inf", new Softcap(30), "0 22.847825 30 -inf"),
                arguments("", "", "0 -30 -30000 NaN", new Softcap(30), "0 -22.847825 -30 NaN"),
                arguments("", "", "7 7 -inf -inf", new Renormalize(), "-0.6931472 -0.6931472 -inf -inf"),
                arguments("", "", "7 7 inf -inf", new Renormalize(), "7 7 inf -inf"),
                arguments("", "", "NaN inf -inf 2", new RemoveInvalidValues(), "0 3.4028235e38 -inf 2"),
                arguments("", "", "NaN inf -inf 2", new RemoveInvalidValues(true), "0 3.4028235e38 -3.4028235e38 2"),
                // Of four candidates one is banned: the entropy is ln 2, of ln 3 or of ln 4.
                arguments("", "", "3 3 -inf -99", new DynamicTemperature(0, 2, 2, true), "6 6 -inf -198"),
                arguments("", "", "3 3 -inf -inf", new DynamicTemperature(0, 2, 2), "1.5 1.5 -inf -inf"),
                arguments("", "", "3 -inf -inf -inf", new DynamicTemperature(0, 2, 1), "3 -inf -inf -inf"),
                arguments("", "", "3 -inf -inf -inf", new DynamicTemperature(0, 2, 1, true), "3 -inf -inf -inf"),
                arguments("0", "1", "1 1 1 1", sequenceBias(true, "2", 3.0), "1 1 4 1"),
                arguments("0", "1", "1 1 1 1", sequenceBias(true, "1 2", 3.0), "1 1 4 1"),
                arguments("0", "1", "1 1 1 1", sequenceBias(true, "0 2", 3.0), "1 1 1 1"),
                arguments("0", "1", "1 1 1 1", sequenceBias(true, "0 1 2", 3.0), "1 1 1 1"),
                arguments("0", "1", "1 1 1 1", sequenceBias(false, "0 1 2", 3.0), "1 1 4 1"),
                arguments("0", "1", "1 1 1 1", sequenceBias(false, "3 0 1 2", 3.0), "1 1 1 1"),
                arguments("0 1", "", "1 1 1 1", sequenceBias(true, "1 2", NEVER), "1 1 -inf 1"),
                arguments("0", "0 1", "1 1 -inf 1", sequenceBias(true, "0 1 2", 9.0), "1 1 -inf 1"),
                arguments("0", "", "1 2 3 4", new ExponentialDecayLengthPenalty(0, 2), "1 2 3 4"),
                arguments("0", "1", "1 2 3 4", new ExponentialDecayLengthPenalty(0, 2), "1 2 3 8"),
                arguments("0", "1 1", "1 2 3 -4", new ExponentialDecayLengthPenalty(0, 2), "1 2 3 8"),
                arguments("0", "1 1", "1 2 3 4", new ExponentialDecayLengthPenalty(1, 0.5), "1 2 3 2"),
                arguments("0", "1 1", "1 2 3 4", new ExponentialDecayLengthPenalty(2, 2), "1 2 3 4"),
                arguments("0", "1 1", "1 2 3 0", new ExponentialDecayLengthPenalty(0, 2), "1 2 3 0"),
                arguments("0", "1 1", "1 2 3 -inf", new ExponentialDecayLengthPenalty(0, 2), "1 2 3 -inf"),
                arguments("0", "1 1", "1 2 3 4", new ExponentialDecayLengthPenalty(0, 1e30), "1 2 3 3.4028235e38"),
                arguments("0 1", "", "1 1 1 1", badWords("3"), "1 1 1 -inf"),
                arguments("0", "1", "1 1 1 1", badWords("1 2"), "1 1 -inf 1"),
                arguments("0", "2", "1 1 1 1", badWords("1 2"), "1 1 1 1"),
                arguments("0 1", "", "1 1 1 1", badWords("1 2"), "1 1 1 1"),
                arguments("0", "1", "1 1 1 1", badWords("0 1 2"), "1 1 1 1"),
                arguments("", "0 1", "1 1 1 1", badWords("0 1 2", "1 3"), "1 1 -inf -inf"),
                arguments("0 1", "", "1 1 1 1", transformersBadWords("1 2"), "1 1 -inf 1"),
                arguments("1", "", "1 1 1 1", transformersBadWords("1 2"), "1 1 1 1"),
                arguments("", "", "1 1 1 1", transformersBadWords("2"), "1 1 -inf 1"),
                arguments("0", "", "1 2 3 4", new MinTokens(2), "1 2 3 -inf"),
                arguments("0", "1", "1 2 3 4", new MinTokens(2), "1 2 3 -inf"),
                arguments("0", "1 1", "1 2 3 4", new MinTokens(2), "1 2 3 4"),
                arguments("0", "", "1 2 3 4", new MinTokens(0), "1 2 3 4"),
                arguments("0", "1", "1 2 3 4", new MinTokens(3, ALL), "1 2 3 -inf"),
                arguments("0", "1", "1 2 3 4", new MinTokens(2, ALL), "1 2 3 4"),
                arguments("0", "1", "1 2 3 4", new SuppressTokens(List.of(2, 0)), "-inf 2 -inf 4"),
                arguments("", "", "1 2 3 4", new SuppressTokens(List.of(3, 3)), "1 2 3 -inf"),
                arguments("0", "", "1 2 3 4", new BeginSuppressTokens(List.of(2, 0)), "-inf 2 -inf 4"),
                arguments("0", "1", "1 2 3 4", new BeginSuppressTokens(List.of(2, 0)), "1 2 3 4"),
                arguments("0", "1", "1 2 3 4", new BeginSuppressTokens(List.of(2), 1, GENERATED), "1 2 -inf 4"),
                arguments("0", "1", "1 2 3 4", new BeginSuppressTokens(List.of(2), 1, ALL), "1 2 3 4"),
                arguments("0", "1", "1 2 3 4", new BeginSuppressTokens(List.of(2), 2, ALL), "1 2 -inf 4"),
                arguments("0", "", "1 2 3 4", new BeginSuppressTokens(List.of(2), 0, GENERATED, true), "1 2 3 4"),
                arguments("0", "1", "1 2 3 4", new BeginSuppressTokens(List.of(2), 0, GENERATED, true), "1 2 -inf 4"),
                arguments("0 1", "", "1 2 3 4", new BeginSuppressTokens(List.of(2), 0, GENERATED, true), "1 2 -inf 4"),
                arguments("0 1", "2", "1 2 3 4", new BeginSuppressTokens(List.of(2), 0, GENERATED, true), "1 2 3 4"),
                arguments("0", "", "1 2 3 4", new ForcedBos(2), "-inf -inf 0 -inf"),
                arguments("0 1", "", "1 2 3 4", new ForcedBos(2), "1 2 3 4"),
                arguments("", "", "1 2 3 4", new ForcedBos(2), "1 2 3 4"),
                arguments("0", "", "1 2 -inf 4", new ForcedBos(2), "1 2 -inf 4"),
                arguments("0", "", "1 2 NaN 4", new ForcedBos(2), "1 2 NaN 4"),
                arguments("0", "", "1 2 -inf 4", new ForcedBos(2, true), "-inf -inf 0 -inf"),
                arguments("0 1", "2", "1 2 3 4", new ForcedEos(3, 4), "-inf -inf -inf 0"),
                arguments("0 1", "2", "1 2 3 4", new ForcedEos(3, 3), "1 2 3 4"),
                arguments("0 1", "2", "1 2 3 4", new ForcedEos(3, 5), "1 2 3 4"),
                arguments("0 1", "2", "1 2 3 4", new ForcedEos(List.of(3, 1), 2, GENERATED), "-inf 0 -inf 0"),
                arguments("0 1", "2", "1 -inf 3 4", new ForcedEos(List.of(3, 1), 2, GENERATED), "-inf -inf -inf 0"),
                arguments("0 1", "2", "1 2 3 -inf", new ForcedEos(3, 4), "1 2 3 -inf"),
                arguments("0 1", "2", "1 -inf 3 4", new ForcedEos(List.of(3, 1), 2, GENERATED, true), "-inf 0 -inf 0"),
                arguments("0", "", "1 2 3 4", new ForcedTokens(List.of(2, 1)), "-inf -inf 0 -inf"),
                arguments("0", "2", "1 2 3 4", new ForcedTokens(List.of(2, 1)), "-inf 0 -inf -inf"),
                arguments("0", "2 1", "1 2 3 4", new ForcedTokens(List.of(2, 1)), "1 2 3 4"),
                arguments("0", "", "1 2 3 4", new ForcedTokens(List.of(2), 1), "1 2 3 4"),
                arguments("0", "0", "1 2 3 4", new ForcedTokens(List.of(2), 1), "-inf -inf 0 -inf"),
                arguments("0", "0", "1 2 -inf 4", new ForcedTokens(List.of(2), 1), "1 2 -inf 4"),
                arguments("0 2", "", "1 2 3 4", prefix(2, 1, 3), "-inf 2 -inf 4"),
                arguments("0 2", "", "1 2 3 4", prefix(2, 3, 1, 3), "-inf 2 -inf 4"),
                arguments("0", "2 0", "1 2 3 4", prefix(3, 0), "1 -inf -inf -inf"),
                arguments("", "", "-inf 1 NaN 2", new TopK(1), "-inf -inf -inf 2"),
                arguments("", "", "-inf 1 NaN 2", new TopP(0.99), "-inf 1 -inf 2"),
                arguments("", "", "-inf 1 NaN 2", new MinP(0.01), "-inf 1 -inf 2"),
                arguments("", "", "-100 3e38 -3e38", new TopP(0.5), "-inf 3e38 -inf"),
                // Mean 2, standard deviation the root of 2.
                arguments("", "", "0 1 2 3 4", new TopNSigma(0), "-inf -inf -inf -inf 4"),
                arguments("", "", "0 1 2 3 4", new TopNSigma(0.7), "-inf -inf -inf -inf 4"),
                arguments("", "", "0 1 2 3 4", new TopNSigma(0.71), "-inf -inf -inf 3 4"),
                arguments("", "", "0 1 2 3 4", new TopNSigma(1.42), "-inf -inf 2 3 4"),
                arguments("", "", "0 1 2 3 4", new TopNSigma(0, 3), "-inf -inf 2 3 4"),
                arguments("", "", "0 1 0 1", new TopNSigma(2), "0 1 0 1"),
                arguments("", "", "0 1 NaN -inf 0 1", new TopNSigma(1.99), "-inf 1 -inf -inf -inf 1"),
                arguments("", "", "5 5 5", new TopNSigma(0.1), "5 5 5"),
                arguments("", "", "-inf 1 NaN 2", new EpsilonCutoff(0.3), "-inf -inf -inf 2"),
                arguments("", "", "-inf 1 NaN 2", new EtaCutoff(0.01), "-inf 1 -inf 2"),
                arguments("", "", "-inf 1 NaN 2", new TopH(1), "-inf 1 -inf 2"),
                arguments("", "", "-inf 1 NaN 2", new TypicalP(0.9), "-inf 1 -inf 2"),
                arguments("", "", "-100 3e38 -3e38", new TypicalP(0.9), "-inf 3e38 -inf"),
                arguments("", "", "1 -0.0 0 -1", new TopK(2), "1 0 0 -inf"));
    }

    @ParameterizedTest
    @MethodSource
    void logits(String prompt, String generated, String before, LogitsProcessor processor, String after) {
        float[] expected = floats(after);
        Logits result = run(processor, prompt, generated, floats(before));
        float[] actual = new float[expected.length];
        for (int i = 0; i < actual.length; i++) {
            actual[i] = result.ofToken(i) == 0 ? 0 : result.ofToken(i); // -0 is 0
        }
        assertThat(actual).containsExactly(expected);
    }

    /** Allows the given tokens after so many and tells no one else anything. */
    private static PrefixConstraint prefix(int size, int... allowed) {
        return new PrefixConstraint(history -> history.size() == size ? allowed : new int[0]);
    }

    private static SequenceBias sequenceBias(boolean wholeSequenceMustFit, String sequence, double bias) {
        return new SequenceBias(of(ids(sequence), bias), wholeSequenceMustFit);
    }

    private static BadWords badWords(String... sequences) {
        return BadWords.ofTokenIds(
                Arrays.stream(sequences).map(ProcessorTableTest::ids).toList());
    }

    private static BadWords transformersBadWords(String sequence) {
        return new BadWords(List.of(ids(sequence)), List.of(), ALL, true);
    }

    /** Token 3 is the stop token. */
    private static Logits run(LogitsProcessor processor, String prompt, String generated, float[] logits) {
        int[] promptIds = ids(prompt).stream().mapToInt(Integer::intValue).toArray();
        SequenceSampler sequence =
                SamplingPipeline.of(processor).start(promptIds, Vocabulary.ofRows(logits.length), new int[] {3}, 1);
        ids(generated).forEach(sequence::accept);
        return sequence.process(logits);
    }

    private static double[] softmax(Logits logits) {
        double logSumExp = logits.logSumExp();
        return IntStream.range(0, logits.vocabularySize())
                .mapToDouble(id -> Math.exp(logits.ofToken(id) - logSumExp))
                .toArray();
    }

    private static List<Integer> ids(String text) {
        return Arrays.stream(text.split(" "))
                .filter(id -> !id.isEmpty())
                .map(Integer::valueOf)
                .toList();
    }

    private static double[] numbers(String text) {
        return Arrays.stream(text.replace("inf", "Infinity").split(" "))
                .mapToDouble(Double::parseDouble)
                .toArray();
    }

    private static float[] floats(String text) {
        double[] numbers = numbers(text);
        float[] floats = new float[numbers.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) numbers[i];
        }
        return floats;
    }
}
