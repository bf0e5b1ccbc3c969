package dev.tempera.processor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.TokenScope;
import dev.tempera.Vocabulary;
import dev.tempera.processor.ThinkingBudget.Marker;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ThinkingBudgetTest {
    private static final int ROWS = 20;
    private static final int START = 10;
    private static final int END = 11;

    /** Budget, start, end, message, prompt; what the model wants to write; what it writes. */
    static Stream<Arguments> written() {
        return Stream.of(
                Arguments.of(3, "10", "11", "", "0", "10 1 2 3 4 5", "10 1 2 3 11 5"),
                Arguments.of(3, "10", "11", "", "0", "10 1 2 11 4 5 6", "10 1 2 11 4 5 6"),
                Arguments.of(3, "10", "11", "", "0", "10 1 2 3 11 5 6", "10 1 2 3 11 5 6"),
                Arguments.of(0, "10", "11", "", "0", "1 10 2 3", "1 10 11 3"),
                Arguments.of(1, "10", "11", "", "0", "1 2 3 4", "1 2 3 4"),
                // A message, and a marker of two tokens.
                Arguments.of(1, "10", "11 12", "8 9", "0", "10 1 2 3 4 5 6", "10 1 8 9 11 12 6"),
                Arguments.of(2, "10 13", "11 12", "", "0", "10 10 13 1 2 3 4 5", "10 10 13 1 2 11 12 5"),
                // The model is about to close the block.
                Arguments.of(2, "10", "11 12", "", "0", "10 1 11 4 5", "10 1 11 12 5"),
                Arguments.of(2, "10", "11 12", "", "0", "10 1 11 12 5", "10 1 11 12 5"),
                // Every block has its budget.
                Arguments.of(1, "10", "11", "", "0", "10 1 2 10 3 4 5", "10 1 11 10 3 11 5"),
                Arguments.of(1, "10", "11", "", "0", "10 11 1 10 3 4 5", "10 11 1 10 3 11 5"),
                // The prompt counts.
                Arguments.of(3, "10", "11", "", "0 10 1", "2 3 4 5", "2 3 11 5"),
                Arguments.of(3, "10", "11", "", "0 10 1 2 3 4 5", "6 7", "11 7"),
                Arguments.of(3, "10", "11", "", "10 1 11 2 3 4", "5 6", "5 6"),
                Arguments.of(3, "10", "11", "", "10 1 11 2 10", "5 6 7 8", "5 6 7 11"),
                Arguments.of(0, "10", "11", "", "0 10", "5 6", "11 6"),
                Arguments.of(3, "10 13", "11", "", "0 10", "13 1 2 3 4 5", "13 1 2 3 11 5"),
                Arguments.of(2, "10", "11 12", "8", "0 10 1 2 8", "3 4 5", "11 12 5"),
                Arguments.of(2, "10", "11 12", "", "0 10 1 11", "3 4", "12 4"),
                // A start within a block begins no other.
                Arguments.of(3, "10", "11", "", "0", "10 1 10 2 3 4", "10 1 10 2 11 4"));
    }

    @ParameterizedTest
    @MethodSource
    void written(int budget, String start, String end, String message, String prompt, String wanted, String written) {
        SequenceSampler sequence =
                start(Vocabulary.ofRows(ROWS), new ThinkingBudget(budget, ids(start), ids(end), ids(message)), prompt);
        assertThat(write(sequence, wanted)).isEqualTo(ids(written).tokenIds());
    }

    @Test
    void process_forcedToken_isTheOnlyOneAtZero() {
        float[] logits = new float[ROWS];
        Arrays.fill(logits, 3);
        SequenceSampler sequence = start(Vocabulary.ofRows(ROWS), budget(0), "0 10");

        float[] expected = new float[ROWS];
        Arrays.fill(expected, Float.NEGATIVE_INFINITY);
        expected[END] = 0;
        assertThat(sequence.process(logits).values()).containsExactly(expected);
    }

    @Test
    void process_forcedTokenIsForbidden_isTriedAgain() {
        SequenceSampler sequence = SamplingPipeline.of(new BeginSuppressTokens(List.of(END)), budget(0))
                .start(new int[] {START}, Vocabulary.ofRows(ROWS), 1);
        assertThat(write(sequence, "5 6 7")).containsExactly(5, END, 7);
    }

    @Test
    void process_endMarkerBrokenByABan_isForcedAnew() {
        ThinkingBudget twoTokens = new ThinkingBudget(0, ids("10"), ids("11 12"), ids("8"));
        SequenceSampler sequence = SamplingPipeline.of(
                        new BeginSuppressTokens(List.of(12), 2, TokenScope.GENERATED), twoTokens)
                .start(new int[] {START}, Vocabulary.ofRows(ROWS), 1);
        assertThat(write(sequence, "5 6 7 4 3 2")).containsExactly(8, 11, 7, 11, 12, 2);
    }

    @Test
    void process_withoutForSequence_isTheSame() {
        ThinkingBudget budget = new ThinkingBudget(2, ids("10"), ids("11 12"), ids("8 9"));
        for (int seed = 0; seed < 50; seed++) {
            StringBuilder wanted = new StringBuilder("10");
            Random random = new Random(seed);
            for (int i = 0; i < 20; i++) {
                wanted.append(' ').append(random.nextInt(13));
            }
            SequenceSampler own = start(Vocabulary.ofRows(ROWS), budget, "0");
            SequenceSampler wrapped =
                    start(Vocabulary.ofRows(ROWS), (logits, context) -> budget.process(logits, context), "0");
            assertThat(write(wrapped, wanted.toString()))
                    .as("seed %d: %s", seed, wanted)
                    .isEqualTo(write(own, wanted.toString()));
        }
    }

    @Test
    void restore_andFork_goOnInTheSamePhase() {
        SequenceSampler sequence =
                start(Vocabulary.ofRows(ROWS), new ThinkingBudget(1, ids("10"), ids("11"), ids("8 9")), "0");
        write(sequence, "10 1 2");
        SequenceSampler.Snapshot forcing = sequence.snapshot();
        assertThat(write(sequence, "3 4 5 6")).containsExactly(9, END, 5, 6);
        sequence.restore(forcing);
        assertThat(write(sequence.fork(3), "3 4 5 6")).containsExactly(9, END, 5, 6);
        assertThat(write(sequence, "3 4 5 6")).containsExactly(9, END, 5, 6);
    }

    @Test
    void accept_budgetEndsWithinACharacter_waitsForItsLastByte() {
        SequenceSampler sequence = start(new BytesAndMarkers(), ThinkingBudget.of(2), "");
        assertThat(write(sequence, "256 230 152 165 97 98"))
                .as("three bytes of 春")
                .containsExactly(256, 230, 152, 165, 257, 98);
    }

    /** Bytes, and the two markers. */
    private static final class BytesAndMarkers implements Vocabulary {
        @Override
        public int rows() {
            return 258;
        }

        @Override
        public boolean isToken(int tokenId) {
            return true;
        }

        @Override
        public int[] encode(String text) {
            return text.isEmpty() ? new int[0] : new int[] {text.equals("<think>") ? 256 : 257};
        }

        @Override
        public String decode(int... tokenIds) {
            return "";
        }

        @Override
        public byte[] bytes(int tokenId) {
            return tokenId < 256 ? new byte[] {(byte) tokenId} : new byte[0];
        }
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                refusal(() -> ThinkingBudget.of(-1), "budget must be at least 0, got -1"),
                refusal(
                        () -> new ThinkingBudget(1, ids(""), ids("1"), ids("")),
                        "start must be a text or token ids, got none"),
                refusal(
                        () -> new ThinkingBudget(1, ids("1"), Marker.of(""), ids("")),
                        "end must be a text or token ids, got none"),
                refusal(
                        () -> new ThinkingBudget(1, ids("1"), ids("1"), ids("")),
                        "end must differ from start, got Marker[text=, tokenIds=[1]]"),
                refusal(
                        () -> new ThinkingBudget(1, ids("1"), ids("-2"), ids("")),
                        "marker must hold token ids of at least 0, got -2"),
                refusal(
                        () -> new ThinkingBudget(1, new Marker("x", List.of(1)), ids("2"), ids("")),
                        "marker must be a text or token ids, got both"));
    }

    private static Arguments refusal(Supplier<LogitsProcessor> processor, String message) {
        return Arguments.of(processor, message);
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource
    void refused(Supplier<LogitsProcessor> processor, String message) {
        assertThatThrownBy(processor::get)
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(message);
    }

    @Test
    void start_markerThatCannotBe_isRefused() {
        assertThatThrownBy(
                        () -> start(Vocabulary.ofRows(ROWS), new ThinkingBudget(1, ids("20"), ids("1"), ids("")), ""))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("start must be below 20, got 20");
        assertThatThrownBy(() -> start(Vocabulary.ofRows(ROWS), ThinkingBudget.of(1), ""))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessageStartingWith("this vocabulary has no tokenizer: give token ids instead of \"</think>\"");
        Vocabulary writesNothing = new BytesAndMarkersWithoutText();
        assertThatThrownBy(() -> start(writesNothing, ThinkingBudget.of(1), ""))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("end must be a text that the tokenizer can write, got \"</think>\"");
    }

    private static final class BytesAndMarkersWithoutText implements Vocabulary {
        @Override
        public int rows() {
            return ROWS;
        }

        @Override
        public boolean isToken(int tokenId) {
            return true;
        }

        @Override
        public int[] encode(String text) {
            return new int[0];
        }
    }

    private static ThinkingBudget budget(int budget) {
        return new ThinkingBudget(budget, ids("" + START), ids("" + END), ids(""));
    }

    private static SequenceSampler start(Vocabulary vocabulary, LogitsProcessor processor, String prompt) {
        int[] promptIds =
                ids(prompt).tokenIds().stream().mapToInt(Integer::intValue).toArray();
        return SamplingPipeline.of(processor).start(promptIds, vocabulary, 1);
    }

    /** Samples with one token far ahead of the others at every step. */
    private static List<Integer> write(SequenceSampler sequence, String wanted) {
        List<Integer> written = new ArrayList<>();
        for (int tokenId : ids(wanted).tokenIds()) {
            float[] logits = new float[sequence.context().vocabulary().rows()];
            logits[tokenId] = 1000;
            written.add(sequence.sample(logits));
        }
        return written;
    }

    private static Marker ids(String ids) {
        return Marker.ofTokenIds(Arrays.stream(ids.split(" "))
                .filter(id -> !id.isEmpty())
                .map(Integer::valueOf)
                .toList());
    }
}
