package dev.tempera.processor;

import static dev.tempera.TokenScope.GENERATED;
import static dev.tempera.TokenScope.PROMPT_AND_GENERATED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.TokenScope;
import dev.tempera.Vocabulary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What must not be said twice: n-grams of the text, n-grams of an input, and the favour for an input's tokens. */
class NoRepeatNGramTest {
    private static final int ALL = Integer.MAX_VALUE;
    private static final int ROWS = 10;

    /** Prompt, generated tokens, the processor, the masked tokens. */
    static Stream<Arguments> masked() {
        return Stream.of(
                arguments("", "", new NoRepeatNGram(2), ""),
                arguments("", "", new NoRepeatNGram(1), ""),
                arguments("1 2", "3 2", new NoRepeatNGram(1), "1 2 3"),
                arguments("1 2", "3 2", new NoRepeatNGram(2), "3"),
                arguments("1 2", "3 1", new NoRepeatNGram(2), "2"),
                arguments("1 2", "1 3 1", new NoRepeatNGram(2), "2 3"),
                arguments("1", "1", new NoRepeatNGram(2), "1"),
                arguments("1", "", new NoRepeatNGram(2), ""),
                arguments("1 2 3", "1 2", new NoRepeatNGram(3), "3"),
                arguments("1 2 3", "0 2", new NoRepeatNGram(3), ""),
                arguments("1 2", "", new NoRepeatNGram(3), ""),
                arguments("1 1 1", "", new NoRepeatNGram(3), "1"),
                arguments("1 1 1", "", new NoRepeatNGram(ALL), ""),
                arguments("1 2", "3 1", new NoRepeatNGram(2, 4, PROMPT_AND_GENERATED, List.of()), "2"),
                arguments("1 2", "3 1", new NoRepeatNGram(2, 3, PROMPT_AND_GENERATED, List.of()), ""),
                arguments("1 2", "3 1", new NoRepeatNGram(1, 2, PROMPT_AND_GENERATED, List.of()), "1 3"),
                arguments("1 2", "3 1", new NoRepeatNGram(2, ALL, GENERATED, List.of()), ""),
                arguments("1", "1 2 1", new NoRepeatNGram(2, ALL, GENERATED, List.of()), "2"),
                arguments("2 1", "3 1", new NoRepeatNGram(1, ALL, GENERATED, List.of()), "1 3"),
                arguments("1 2", "1 3 1", new NoRepeatNGram(2, ALL, PROMPT_AND_GENERATED, List.of(5, 2)), "3"),
                arguments("1 2", "3 1", new EncoderNoRepeatNGram(2), "2"),
                arguments("1 2", "", new EncoderNoRepeatNGram(2), ""),
                arguments("1 2", "4 3 4", new EncoderNoRepeatNGram(2), ""),
                arguments("1 2", "3 1", new EncoderNoRepeatNGram(1), "1 2"),
                arguments("1 2", "3 1", new EncoderNoRepeatNGram(2, List.of(1, 7, 1, 8)), "7 8"),
                arguments("", "1 2", new EncoderNoRepeatNGram(3, List.of(1, 2, 9, 4)), "9"),
                arguments("", "2", new EncoderNoRepeatNGram(3, List.of(1, 2, 9, 4)), ""),
                arguments("", "2", new EncoderNoRepeatNGram(ALL, List.of(1, 2, 9, 4)), ""),
                arguments("", "", new EncoderNoRepeatNGram(1, List.of(1, 2)), "1 2"));
    }

    @ParameterizedTest
    @MethodSource
    void masked(String prompt, String generated, LogitsProcessor processor, String expected) {
        assertThat(maskedBy(processor, ids(prompt), ids(generated))).containsExactlyElementsOf(ids(expected));
    }

    /** As transformers does it: every n-gram of the text in a list, then those that begin like the end. */
    @Test
    void masked_areThoseOfTheDefinition() {
        int masked = 0;
        for (int seed = 0; seed < 2000; seed++) {
            Random random = new Random(seed);
            List<Integer> prompt = random.ints(random.nextInt(12), 0, 1 + random.nextInt(4))
                    .boxed()
                    .toList();
            List<Integer> generated = random.ints(random.nextInt(12), 0, 1 + random.nextInt(4))
                    .boxed()
                    .toList();
            int size = 1 + random.nextInt(4);
            int window = random.nextBoolean() ? ALL : 1 + random.nextInt(25);
            TokenScope scope = TokenScope.values()[random.nextInt(2)];
            List<Integer> exempt = random.ints(random.nextInt(3), 0, 4).boxed().toList();
            List<Integer> all = new ArrayList<>(scope == GENERATED ? List.of() : prompt);
            all.addAll(generated);
            List<Integer> text = all.subList(Math.max(0, all.size() - window), all.size());
            Set<Integer> expected = completing(size, text, all);
            expected.removeAll(exempt);
            masked += expected.size();
            List<Integer> whole = new ArrayList<>(prompt);
            whole.addAll(generated);

            assertThat(maskedBy(new NoRepeatNGram(size, window, scope, exempt), prompt, generated))
                    .as("seed %d", seed)
                    .containsExactlyElementsOf(expected);
            assertThat(maskedBy(new EncoderNoRepeatNGram(size, List.of(3, 1, 2, 1, 3)), prompt, generated))
                    .as("seed %d", seed)
                    .containsExactlyElementsOf(completing(size, List.of(3, 1, 2, 1, 3), whole));
        }
        assertThat(masked).isGreaterThan(1000);
    }

    private static Set<Integer> completing(int size, List<Integer> text, List<Integer> history) {
        Set<Integer> completing = new TreeSet<>();
        for (int start = 0; start + size <= text.size() && history.size() >= size - 1; start++) {
            List<Integer> end = history.subList(history.size() - (size - 1), history.size());
            if (text.subList(start, start + size - 1).equals(end)) {
                completing.add(text.get(start + size - 1));
            }
        }
        return completing;
    }

    @Test
    void encoderRepetitionPenalty_favoursTheInputOnce() {
        float[] logits = {2, -2, 0, Float.NEGATIVE_INFINITY, 5};

        assertThat(process(new EncoderRepetitionPenalty(2), List.of(0, 1, 0, 2, 3), List.of(4), logits.clone()))
                .containsExactly(4, -1, 0, Float.NEGATIVE_INFINITY, 5);
        assertThat(process(new EncoderRepetitionPenalty(0.5, List.of(4, 1, 4)), List.of(0), List.of(), logits.clone()))
                .containsExactly(2, -4, 0, Float.NEGATIVE_INFINITY, 2.5f);
        assertThat(process(new EncoderRepetitionPenalty(2), List.of(), List.of(4), logits.clone()))
                .containsExactly(logits);
    }

    @Test
    void process_withoutForSequence_isTheSame() {
        LogitsProcessor wrapper = (logits, context) -> {
            new NoRepeatNGram(2, ALL, PROMPT_AND_GENERATED, List.of(2)).process(logits, context);
            new EncoderNoRepeatNGram(2, List.of(1, 7)).process(logits, context);
            new EncoderRepetitionPenalty(2).process(logits, context);
        };

        assertThat(process(wrapper, List.of(1, 2), List.of(1, 3, 1), new float[] {1, 1, 1, 1, 1, 1, 1, 1}))
                .containsExactly(1, 2, 2, Float.NEGATIVE_INFINITY, 1, 1, 1, Float.NEGATIVE_INFINITY);
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                refusal(() -> new NoRepeatNGram(0), "no_repeat_ngram_size must be at least 1, got 0"),
                refusal(() -> new NoRepeatNGram(1, 0, GENERATED, List.of()), "window must be at least 1 token, got 0"),
                refusal(
                        () -> new NoRepeatNGram(1, 1, GENERATED, List.of(4, -1)),
                        "exempt_token_ids must be at least 0, got -1"),
                refusal(
                        () -> start(new NoRepeatNGram(1, 1, GENERATED, List.of(4, ROWS)), ROWS),
                        "exempt_token_ids must be below 10, got 10"),
                refusal(() -> new EncoderNoRepeatNGram(-1), "encoder_no_repeat_ngram_size must be at least 1, got -1"),
                refusal(
                        () -> new EncoderNoRepeatNGram(1, List.of(3, -7)),
                        "input_token_ids must be at least 0, got -7"),
                refusal(
                        () -> start(new EncoderNoRepeatNGram(1, List.of(ROWS)), ROWS),
                        "input_token_ids must be below 10, got 10"),
                refusal(
                        () -> new EncoderRepetitionPenalty(0),
                        "encoder_repetition_penalty must be a finite number greater than 0, got 0.0"),
                refusal(
                        () -> new EncoderRepetitionPenalty(Double.NaN),
                        "encoder_repetition_penalty must be a finite number greater than 0, got NaN"),
                refusal(
                        () -> start(new EncoderRepetitionPenalty(2, List.of(1, ROWS)), ROWS),
                        "input_token_ids must be below 10, got 10"));
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

    private static List<Integer> maskedBy(LogitsProcessor processor, List<Integer> prompt, List<Integer> generated) {
        float[] logits = process(processor, prompt, generated, new float[ROWS]);
        List<Integer> masked = new ArrayList<>();
        for (int id = 0; id < ROWS; id++) {
            if (logits[id] == Float.NEGATIVE_INFINITY) {
                masked.add(id);
            }
        }
        return masked;
    }

    private static float[] process(
            LogitsProcessor processor, List<Integer> prompt, List<Integer> generated, float[] logits) {
        SequenceSampler sequence = SamplingPipeline.of(processor)
                .start(prompt.stream().mapToInt(Integer::intValue).toArray(), Vocabulary.ofRows(logits.length), 1);
        generated.forEach(sequence::accept);
        return sequence.process(logits).values();
    }

    private static SequenceSampler start(LogitsProcessor processor, int rows) {
        return SamplingPipeline.of(processor).start(new int[0], Vocabulary.ofRows(rows), 1);
    }

    private static List<Integer> ids(String text) {
        return Arrays.stream(text.split(" "))
                .filter(id -> !id.isEmpty())
                .map(Integer::valueOf)
                .toList();
    }
}
