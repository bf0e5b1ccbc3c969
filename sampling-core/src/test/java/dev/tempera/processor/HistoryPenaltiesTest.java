package dev.tempera.processor;

import static dev.tempera.TokenScope.GENERATED;
import static dev.tempera.TokenScope.PROMPT_AND_GENERATED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.tempera.Acceptance;
import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Penalties that fade, that have a slope, that act on log-probabilities, that spare some tokens. */
class HistoryPenaltiesTest {
    private static final int ALL = Integer.MAX_VALUE;
    private static final String FAR = "3e38 -3e38 -inf";

    /** Prompt, generated tokens, logits, the processor, logits. */
    static Stream<Arguments> logits() {
        return Stream.of(
                // Ages: token 3 has 0, 2 has 1, 1 has 2, 0 has 3. The window of 1 reaches to age 1, then a third less
                // each.
                arguments("0 1", "2 3", "8 8 8 8", decaying(1, 3, 0, 1, 3), "7 6 5 5"),
                arguments("0 1", "2 3", "8 8 8 8", decaying(1, 0, 3, 1, 3), "7 6 5 5"),
                arguments("0 1", "2 3", "6 6 6 -6", decaying(2, 0, 0, 1, 2), "6 4 3 -12"),
                arguments("0 1", "2 3", "8 8 8 8", decaying(1, 3, 0, 1, 0), "8 8 8 5"),
                arguments("0 1", "2 3", "8 8 8 8", decaying(1, 3, 0, ALL, 0), "5 5 5 5"),
                arguments("0 1", "2 3", "8 8 8 8", decaying(1, 3, 0, ALL, ALL), "5 5 5 5"),
                // The newest occurrence decides, and each counts for the frequency.
                arguments("0 0", "0 3", "8 8 8 8", decaying(1, 3, 0, 1, 3), "5 8 8 5"),
                arguments("0 0", "0 3", "8 8 8 8", decaying(1, 0, 3, 1, 3), "2 8 8 5"),
                arguments("0 1", "2 3", "8 8 8 8", new DecayingPenalties(1, 3, 0, 1, 3, GENERATED), "8 8 5 5"),
                arguments("0 1", "2 3", "-inf 8 8 -inf", decaying(2, 3, 4, 1, 3), "-inf 0.13333 -3 -inf"),
                arguments("", "", "8 8", decaying(2, 3, 4, 1, 3), "8 8"),
                // Five tokens: the two oldest make the older half.
                arguments("0 1", "2 3 4", "6 6 6 6 -6", sloped(3, 0.5, ALL), "3 3 2 2 -18"),
                arguments("0 1", "2 3 4", "6 6 6 6 -6", sloped(3, 0, ALL), "6 6 2 2 -18"),
                arguments("0 1", "2 3 4", "6 6 6 6 -6", sloped(3, 1, ALL), "2 2 2 2 -18"),
                arguments("0 1", "2 3 4", "6 6 6 6 -6", sloped(3, 0.5, 2), "6 6 6 3 -18"),
                arguments("0 1", "2 0 4", "6 6 6 6 -6", sloped(3, 0.5, ALL), "2 3 2 6 -18"),
                arguments("0 1", "2 3 4", "6 6 6 6 -6", sloped(0.5, 0.5, ALL), "12 12 12 12 -3"),
                arguments("0 1", "2 3", "6 6 6 6", new SlopedRepetitionPenalty(3, 0.5, ALL, GENERATED), "6 6 3 2"),
                arguments("", "", "6 6", sloped(3, 0.5, ALL), "6 6"),
                // The logsumexp of two equal logits is ln 2 above them.
                arguments("0", "", "5 5", new NormalizedRepetitionPenalty(2), "4.30685 5"),
                arguments("0", "", "-5 -5", new NormalizedRepetitionPenalty(2), "-5.69315 -5"),
                arguments("0", "", "5 5", new NormalizedRepetitionPenalty(1), "5 5"),
                arguments("0 0 1", "", "5 5", new NormalizedRepetitionPenalty(0.5), "5.34657 5.34657"),
                arguments("0", "1", "5 5", new NormalizedRepetitionPenalty(2, 1, PROMPT_AND_GENERATED), "5 4.30685"),
                arguments("0", "1", "5 5", new NormalizedRepetitionPenalty(2, ALL, GENERATED), "5 4.30685"),
                arguments("0 1", "", "-inf 5 -inf", new NormalizedRepetitionPenalty(2), "-inf 5 -inf"),
                arguments("0 1", "", "-inf -inf", new NormalizedRepetitionPenalty(2), "-inf -inf"),
                arguments("0 1", "", "3 inf", new NormalizedRepetitionPenalty(2), "3 inf"),
                arguments("0 1", "", "3e38 -3e38", new NormalizedRepetitionPenalty(2), "3e38 -3.4028235e38"),
                // What is finite stays so, and what is masked stays masked.
                arguments("0 1 2", "", FAR, new RepetitionPenalty(1e-30), "3.4028235e38 -3e8 -inf"),
                arguments("0 1 2", "", FAR, new RepetitionPenalty(3e38), "1 -3.4028235e38 -inf"),
                arguments("0 1 2", "", FAR, sloped(3e38, 3e38, ALL), "0.88162 -3.4028235e38 -inf"),
                arguments("0 1 2", "", FAR, new EncoderRepetitionPenalty(3e38), "3.4028235e38 -1 -inf"),
                arguments("0 0 1 2 2", "", FAR, frequency(-3e38), "3.4028235e38 0 -inf"),
                arguments("0 1 1 2 2", "", FAR, frequency(3e38), "0 -3.4028235e38 -inf"),
                arguments("0 1 2", "", FAR, decaying(1e-30, 0, 0, ALL, 0), "3.4028235e38 0 -inf"),
                arguments("0 1 2", "", FAR, decaying(1, -3e38, -3e38, ALL, 0), "3.4028235e38 3e38 -inf"),
                arguments(
                        "0 1 2", "", FAR, new PresencePenalty(-3e38, ALL, PROMPT_AND_GENERATED), "3.4028235e38 0 -inf"),
                arguments("0 1 2", "", FAR, new DistinctTokenPenalty(3e38), "0 -3.4028235e38 -inf"),
                arguments("0 1", "2", "6 6 6", exempt(new RepetitionPenalty(2), 1), "3 6 3"),
                arguments("0 1", "2", "6 6 6", exempt(new RepetitionPenalty(2), 0, 2), "6 3 6"),
                arguments("0 1", "2", "6 6 -inf", exempt(new RepetitionPenalty(2), 2), "3 3 -inf"),
                arguments("0 1", "2", "6 7 8", exempt(new TopK(1), 1), "-inf -inf 8"));
    }

    @ParameterizedTest
    @MethodSource
    void logits(String prompt, String generated, String before, LogitsProcessor processor, String after) {
        float[] expected = floats(after);
        float[] actual = process(processor, ids(prompt), ids(generated), floats(before));
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i]).as("token %d", i).satisfiesAnyOf(same(expected[i]), near(expected[i]));
        }
    }

    private static org.assertj.core.api.ThrowingConsumer<Float> same(float expected) {
        return actual -> assertThat(actual).isEqualTo(expected);
    }

    private static org.assertj.core.api.ThrowingConsumer<Float> near(float expected) {
        return actual -> assertThat(actual).isCloseTo(expected, within(1e-5f));
    }

    private static LogitsProcessor frequency(double penalty) {
        return new FrequencyPenalty(penalty, ALL, PROMPT_AND_GENERATED);
    }

    /** As exllamav2 does it: back through the text, each penalty changing by its step once the range is behind. */
    @Test
    void decayingPenalties_areThoseOfTheReference() {
        for (int seed = 0; seed < 500; seed++) {
            Random random = new Random(seed);
            int[] text = random.ints(random.nextInt(30), 0, 8).toArray();
            double repetition = 0.5 + 1.5 * random.nextDouble();
            double presence = random.nextDouble() - 0.3;
            double frequency = random.nextDouble() - 0.3;
            int range = random.nextBoolean() ? -1 : 1 + random.nextInt(20);
            int decay = random.nextInt(12);
            float[] logits = gaussian(random);
            double[] expected = new double[logits.length];
            for (int i = 0; i < expected.length; i++) {
                expected[i] = logits[i];
            }
            double[] now = {repetition, frequency, presence};
            double[] step = new double[3];
            if (decay > 0) {
                step = new double[] {(1 - repetition) / decay, -frequency / decay, -presence / decay};
            }
            int left = range == -1 ? text.length : range;
            int begin = Math.max(0, text.length - left - decay);
            Set<Integer> seen = new HashSet<>();
            for (int i = text.length - 1; i >= begin; i--) {
                int id = text[i];
                if (seen.add(id)) {
                    expected[id] = expected[id] > 0 ? expected[id] / now[0] : expected[id] * now[0];
                    expected[id] -= now[2];
                }
                expected[id] -= now[1];
                if (--left < 0) {
                    for (int j = 0; j < 3; j++) {
                        now[j] += step[j];
                    }
                }
            }
            LogitsProcessor processor = decaying(repetition, presence, frequency, range == -1 ? ALL : range, decay);

            assertClose(process(processor, new int[0], text, logits), expected, seed);
        }
    }

    /** As koboldcpp does it: a mark for the far half, overwritten by one for the near half. */
    @Test
    void slopedRepetitionPenalty_isThatOfTheReference() {
        for (int seed = 0; seed < 500; seed++) {
            Random random = new Random(seed);
            int[] text = random.ints(random.nextInt(30), 0, 8).toArray();
            double penalty = 0.5 + 1.5 * random.nextDouble();
            double slope = random.nextDouble();
            int range = 1 + random.nextInt(30);
            float[] logits = gaussian(random);
            int[] last = Arrays.copyOfRange(text, Math.max(0, text.length - range), text.length);
            int[] marks = new int[logits.length];
            for (int i = 0; i < last.length; i++) {
                marks[last[i]] = i < last.length / 2 ? 1 : 2;
            }
            double reduced = penalty > 1 ? 1 + (penalty - 1) * slope : penalty;
            double[] expected = new double[logits.length];
            for (int id = 0; id < expected.length; id++) {
                double factor = marks[id] == 0 ? 1 : marks[id] == 1 ? reduced : penalty;
                expected[id] = logits[id] <= 0 ? logits[id] * factor : logits[id] / factor;
            }

            assertClose(process(sloped(penalty, slope, range), new int[0], text, logits), expected, seed);
        }
    }

    /** Adding a constant to all logits changes nothing that matters. */
    @Test
    void normalizedRepetitionPenalty_doesNotDependOnTheZero() {
        for (int seed = 0; seed < 100; seed++) {
            Random random = new Random(seed);
            int[] text = random.ints(random.nextInt(6), 0, 8).toArray();
            float[] logits = gaussian(random);
            double[] expected = logProbabilities(logits);
            for (int id : Arrays.stream(text).distinct().toArray()) {
                expected[id] *= 1.3;
            }
            float[] shifted = new float[logits.length];
            for (int i = 0; i < shifted.length; i++) {
                shifted[i] = logits[i] + 4;
            }
            NormalizedRepetitionPenalty penalty = new NormalizedRepetitionPenalty(1.3);
            double[] renormalized = logProbabilities(expected);

            assertClose(logProbabilities(process(penalty, text, new int[0], logits)), renormalized, seed);
            assertClose(logProbabilities(process(penalty, text, new int[0], shifted)), renormalized, seed);
        }
    }

    @Test
    void markupThatPenaltiesDoNotCount_isSpared() {
        Vocabulary vocabulary = new Vocabulary() {
            @Override
            public int rows() {
                return 4;
            }

            @Override
            public boolean isToken(int tokenId) {
                return true;
            }

            @Override
            public boolean isMarkup(int tokenId) {
                return tokenId == 2;
            }

            @Override
            public int[] encode(String text) {
                return new int[0];
            }
        };
        for (LogitsProcessor processor :
                List.of(decaying(2, 1, 1, 9, 9), sloped(2, 0.5, 9), new NormalizedRepetitionPenalty(2), new Dry(1))) {
            for (boolean exempt : new boolean[] {true, false}) {
                SequenceSampler sequence = SamplingPipeline.builder()
                        .add(processor)
                        .exemptMarkupFromPenalties(exempt)
                        .build()
                        .start(new int[] {0, 1, 2, 0, 1, 3, 0, 1}, vocabulary, 1);
                float[] after = sequence.process(new float[] {1, 1, 1, 1}).values();

                assertThat(after[2] == 1)
                        .as("%s, exempt: %s", processor, exempt)
                        .isEqualTo(exempt);
                assertThat(after[3]).isLessThan(1);
            }
        }
    }

    @Test
    void process_withoutForSequence_isTheSame() {
        LogitsProcessor wrapper = (logits, context) -> {
            decaying(1, 3, 0, 1, 3).process(logits, context);
            sloped(2, 1, 9).process(logits, context);
            exempt(new PresencePenalty(1), 3).process(logits, context);
        };

        assertThat(process(wrapper, ids("0 1"), ids("2 3"), floats("8 8 8 8"))).containsExactly(3.5f, 3, 1.5f, 2.5f);
    }

    @Test
    void exemptTokens_tellTheProcessorWhatHappens() {
        List<String> told = new ArrayList<>();
        LogitsProcessor takesBackTwo = new LogitsProcessor() {
            @Override
            public void process(Logits logits, SamplingContext context) {}

            @Override
            public boolean mayRewind() {
                return true;
            }

            @Override
            public Acceptance accept(int tokenId, SamplingContext context) {
                told.add("accept " + tokenId);
                return tokenId == 2 ? Acceptance.rewind(1) : Acceptance.EMIT;
            }

            @Override
            public void rewound(int[] takenBack, SamplingContext context) {
                told.add("rewound " + takenBack[0]);
            }
        };
        SequenceSampler sequence =
                SamplingPipeline.of(exempt(takesBackTwo, 1)).start(new int[0], Vocabulary.ofRows(4), 1);

        assertThat(sequence.accept(3)).isEqualTo(Acceptance.EMIT);
        assertThat(sequence.accept(2)).isEqualTo(Acceptance.rewind(1));
        assertThat(told).containsExactly("accept 3", "accept 2", "rewound 2");
    }

    static Stream<Arguments> refused() {
        double nan = Double.NaN;
        return Stream.of(
                refusal(
                        () -> decaying(0, 0, 0, 1, 1),
                        "repetition_penalty must be a finite number greater than 0, got 0.0"),
                refusal(() -> decaying(1, nan, 0, 1, 1), "presence_penalty must be a finite number, got NaN"),
                refusal(() -> decaying(1, 0, nan, 1, 1), "frequency_penalty must be a finite number, got NaN"),
                refusal(() -> decaying(1, 0, 0, 0, 1), "window must be at least 1 token, got 0"),
                refusal(() -> decaying(1, 0, 0, 1, -1), "decay must be at least 0 tokens, got -1"),
                refusal(
                        () -> sloped(-1, 0.5, 9),
                        "repetition_penalty must be a finite number greater than 0, got -1.0"),
                refusal(() -> sloped(2, -0.5, 9), "slope must be a finite number of at least 0, got -0.5"),
                refusal(
                        () -> sloped(2, Double.POSITIVE_INFINITY, 9),
                        "slope must be a finite number of at least 0, got Infinity"),
                refusal(() -> sloped(2, 0.5, 0), "window must be at least 1 token, got 0"),
                refusal(
                        () -> new NormalizedRepetitionPenalty(0),
                        "repetition_penalty must be a finite number greater than 0, got 0.0"),
                refusal(
                        () -> new NormalizedRepetitionPenalty(2, 0, GENERATED),
                        "window must be at least 1 token, got 0"),
                refusal(() -> exempt(new TopK(1)), "exempt_tokens must name at least one token, got none"),
                refusal(() -> exempt(new TopK(1), -3), "exempt_tokens must be at least 0, got -3"),
                refusal(
                        () -> process(exempt(new TopK(1), 4), new int[0], new int[0], new float[4]),
                        "exempt_tokens must be below 4, got 4"));
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

    private static DecayingPenalties decaying(
            double repetition, double presence, double frequency, int window, int decay) {
        return new DecayingPenalties(repetition, presence, frequency, window, decay, PROMPT_AND_GENERATED);
    }

    private static SlopedRepetitionPenalty sloped(double penalty, double slope, int window) {
        return new SlopedRepetitionPenalty(penalty, slope, window, PROMPT_AND_GENERATED);
    }

    private static ExemptTokens exempt(LogitsProcessor processor, Integer... tokenIds) {
        return new ExemptTokens(List.of(tokenIds), processor);
    }

    private static float[] process(LogitsProcessor processor, int[] prompt, int[] generated, float[] logits) {
        SequenceSampler sequence = SamplingPipeline.of(processor).start(prompt, Vocabulary.ofRows(logits.length), 1);
        for (int tokenId : generated) {
            sequence.accept(tokenId);
        }
        var result = sequence.process(logits.clone());
        float[] dense = new float[logits.length];
        for (int id = 0; id < dense.length; id++) {
            dense[id] = result.ofToken(id);
        }
        return dense;
    }

    private static float[] gaussian(Random random) {
        float[] logits = new float[8];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) (3 * random.nextGaussian());
        }
        return logits;
    }

    private static double[] logProbabilities(float[] logits) {
        double[] doubles = new double[logits.length];
        for (int i = 0; i < logits.length; i++) {
            doubles[i] = logits[i];
        }
        return logProbabilities(doubles);
    }

    private static double[] logProbabilities(double[] logits) {
        double z = Math.log(Arrays.stream(logits).map(Math::exp).sum());
        return Arrays.stream(logits).map(x -> x - z).toArray();
    }

    private static void assertClose(float[] actual, double[] expected, int seed) {
        double[] doubles = new double[actual.length];
        for (int i = 0; i < actual.length; i++) {
            doubles[i] = actual[i];
        }
        assertClose(doubles, expected, seed);
    }

    private static void assertClose(double[] actual, double[] expected, int seed) {
        assertThat(actual).as("seed %d", seed).containsExactly(expected, within(1e-5));
    }

    private static int[] ids(String text) {
        return Arrays.stream(text.split(" "))
                .filter(id -> !id.isEmpty())
                .mapToInt(Integer::parseInt)
                .toArray();
    }

    private static float[] floats(String text) {
        String[] numbers = text.replace("inf", "Infinity").split(" ");
        float[] floats = new float[numbers.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = Float.parseFloat(numbers[i]);
        }
        return floats;
    }
}
