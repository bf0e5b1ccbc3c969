package dev.tempera.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.Acceptance;
import dev.tempera.RepetitionDetection;
import dev.tempera.SamplingParameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class GenerationTest {
    private static final int END = 0;

    /** Tokens are characters. */
    private final List<String> events = new ArrayList<>();

    private GenerationResult last;

    private Generation generation(SamplingParameters.Builder parameters, int maxTokens) {
        SamplingParameters built = parameters.build();
        GenerationRequest request = GenerationRequest.builder()
                .prompt(Prompt.chat("x"))
                .parameters(built)
                .build();
        var settings = new Generation.Settings(
                request, new GenerationPlan(List.of()), built, 1, Set.of(END), maxTokens, "test");
        Generation generation = new Generation(settings, new Characters(), new Events());
        generation.begin();
        return generation;
    }

    private static void accept(Generation generation, String text) {
        text.chars().forEach(c -> generation.accept(c, Acceptance.EMIT));
    }

    @Test
    void heldTokens_areShownOnceNothingCanTakeThemBack() {
        Generation generation = generation(SamplingParameters.builder(), 10);
        accept(generation, "a");
        generation.accept('b', Acceptance.HOLD);
        generation.accept('c', Acceptance.HOLD);
        generation.accept('d', Acceptance.hold(1));
        assertThat(events).containsExactly("a", "b", "c");

        generation.accept('e', Acceptance.rewind(2));
        accept(generation, "f");
        generation.accept(END, Acceptance.EMIT);
        assertThat(events).containsExactly("a", "b", "c", "f", "", "stop: abcf [97, 98, 99, 102, 0]");
    }

    @Test
    void stopToken_thatIsTakenBack_endsNothing() {
        Generation generation = generation(SamplingParameters.builder(), 10);
        generation.accept('a', Acceptance.HOLD);
        generation.accept(END, Acceptance.rewind(1));
        assertThat(events).isEmpty();
        assertThat(generation.isFinished()).isFalse();

        generation.accept(END, Acceptance.HOLD);
        assertThat(events).containsExactly("a", "", "stop: a [97, 0]");
    }

    @Test
    void deadline_isLookedAtForEveryToken_alsoOneThatIsTakenBack() throws InterruptedException {
        Generation generation = generation(SamplingParameters.builder().maxTime(0.001), 10);
        Thread.sleep(2);
        generation.accept('a', Acceptance.HOLD);
        assertThat(events).containsExactly("a", "deadline: a [97]");

        events.clear();
        Generation rewinding = generation(SamplingParameters.builder().maxTime(3600), 10);
        rewinding.accept('a', Acceptance.HOLD);
        rewinding.accept('b', Acceptance.rewind(1));
        assertThat(events).isEmpty();
        Generation late = generation(SamplingParameters.builder().maxTime(0.001), 10);
        Thread.sleep(2);
        late.accept('b', Acceptance.rewind(1));
        assertThat(events).containsExactly("deadline:  []");
    }

    @Test
    void stop_thatTheEndOfTheTextCompletes_isTheReason() {
        Generation generation = generation(SamplingParameters.builder().stopRegex(List.of("b$")), 2);
        accept(generation, "ab");
        assertThat(events).containsExactly("a", "", "stop: a [97, 98]");
    }

    @Test
    void stopString_mayBeginBeforeMinTokens_butNotEndThere() {
        Generation generation = generation(
                SamplingParameters.builder().stop(List.of("ab", "cd")).minTokens(3), 9);
        accept(generation, "abcd");
        assertThat(events).containsExactly("", "ab", "", "", "stop: ab [97, 98, 99, 100]");
    }

    @Test
    void checks_areInTheOrderOfVllm() {
        RepetitionDetection twice = new RepetitionDetection(1, 0, 2);
        accept(generation(SamplingParameters.builder().repetitionDetection(twice), 9), "abb");
        assertThat(events).last().isEqualTo("repetition: abb [97, 98, 98]");
        accept(generation(SamplingParameters.builder().repetitionDetection(twice), 3), "abb");
        assertThat(events).last().isEqualTo("length: abb [97, 98, 98]");
        accept(
                generation(
                        SamplingParameters.builder().repetitionDetection(twice).stop(List.of("bb")), 3),
                "abb");
        assertThat(events).last().isEqualTo("stop: a [97, 98, 98]");
    }

    @Test
    void end_comesOnce() {
        Generation generation = generation(SamplingParameters.builder(), 9);
        accept(generation, "a");
        generation.finish(FinishReason.CANCELLED);
        generation.finish(FinishReason.ABORT);
        generation.fail(new IllegalStateException("too late"));
        assertThat(events).containsExactly("a", "cancelled: a [97]");
    }

    @Test
    void errorOfTheJvm_isToldAndThrownOn() {
        Generation generation = generation(SamplingParameters.builder(), 9);
        accept(generation, "a");
        assertThatThrownBy(() -> generation.fail(new OutOfMemoryError("no heap left")))
                .isInstanceOf(OutOfMemoryError.class);
        assertThat(events).containsExactly("a", "test: no heap left, after a");
    }

    @Test
    void textOfAServer_isShownAsItIs_andCutWhereTheClientSaysSo() {
        Generation generation = generation(SamplingParameters.builder().stopRegex(List.of("c.")), 99);
        generation.accept(GenerationChunk.of("ab", List.of(1, 2)));
        generation.accept(GenerationChunk.of("c", List.of(3)));
        generation.accept(GenerationChunk.of("def", List.of(4, 5)));
        assertThat(events).containsExactly("ab", "", "", "stop: ab [1, 2, 3, 4, 5]");
    }

    @Test
    void textOfAServer_endsAsTheServerSays() {
        Generation generation = generation(SamplingParameters.builder().stop(List.of("zz")), 99);
        generation.promptTokens(17);
        generation.accept(GenerationChunk.of("abz", List.of()));
        assertThat(events).containsExactly("ab"); // the z may be the beginning of a stop string
        generation.finish(FinishReason.LENGTH);
        assertThat(events).containsExactly("ab", "z", "length: abz []");
    }

    @Test
    void lastTextOfAServer_endsAsTheServerSays_unlessAStopStringIsThere() {
        RepetitionDetection twice = new RepetitionDetection(1, 0, 2);
        Generation repeating = generation(SamplingParameters.builder().repetitionDetection(twice), 99);
        repeating.acceptLast(GenerationChunk.of("ab", List.of(7, 7)), FinishReason.LENGTH);
        assertThat(events).containsExactly("ab", "length: ab [7, 7]"); // as vLLM: the length limit comes first

        events.clear();
        Generation stopped = generation(SamplingParameters.builder().stop(List.of("b")), 99);
        stopped.acceptLast(GenerationChunk.of("ab", List.of(7, 8)), FinishReason.LENGTH);
        assertThat(events).containsExactly("a", "stop: a [7, 8]");
    }

    @Test
    void tokensOfAServerThatHidesThem_areAsItCounts() {
        Generation generation = generation(SamplingParameters.builder(), 99);
        generation.accept(GenerationChunk.of("ab", List.of()));
        generation.generatedTokens(2);
        generation.finish(FinishReason.STOP);
        assertThat(last.usage().generatedTokens()).isEqualTo(2);
    }

    @Test
    void textOfAServer_isHeldAgainstDetectionDeadlineAndMinTokens() throws InterruptedException {
        RepetitionDetection twice = new RepetitionDetection(1, 0, 2);
        Generation repeating = generation(SamplingParameters.builder().repetitionDetection(twice), 99);
        repeating.accept(GenerationChunk.of("ab", List.of(7, 7)));
        assertThat(events).containsExactly("ab", "repetition: ab [7, 7]");

        events.clear();
        Generation late = generation(SamplingParameters.builder().maxTime(0.001), 99);
        Thread.sleep(2);
        late.accept(GenerationChunk.of("a", List.of(7)));
        assertThat(events).containsExactly("a", "deadline: a [7]");

        events.clear();
        Generation early =
                generation(SamplingParameters.builder().stop(List.of("a")).minTokens(2), 99);
        early.accept(GenerationChunk.of("a", List.of(7)));
        early.accept(GenerationChunk.of("ba", List.of(8, 9)));
        assertThat(events).containsExactly("a", "b", "stop: ab [7, 8, 9]");
    }

    @Test
    void piecesOfToolCalls_arePutTogether_andReasoningToo() {
        Generation generation = generation(SamplingParameters.builder(), 99);
        generation.accept(chunk("hm", new ToolCallDelta(1, "id-1", "second", "")));
        generation.accept(chunk("m", new ToolCallDelta(0, "id-0", "first", "{\"a\"")));
        generation.accept(chunk("", new ToolCallDelta(0, "", "", ":1}")));
        generation.details(Map.of("stop_reason", 3));
        generation.finish(FinishReason.TOOL_CALLS);
        assertThat(last.toolCalls())
                .containsExactly(new ToolCall("id-0", "first", "{\"a\":1}"), new ToolCall("id-1", "second", ""));
        assertThat(last.reasoning()).isEqualTo("hmm");
        assertThat(last.details()).containsExactly(Map.entry("stop_reason", 3));
        assertThat(last.text()).isEmpty();
    }

    private static GenerationChunk chunk(String reasoning, ToolCallDelta delta) {
        return GenerationChunk.of("", List.of(), reasoning, List.of(delta), List.of());
    }

    @Test
    void ownException_isGivenWhatThereWas() {
        Generation generation = generation(SamplingParameters.builder(), 99);
        generation.accept(GenerationChunk.of("a", List.of(7)));
        generation.fail(partial -> new GenerationException("the line is dead", partial, null));
        assertThat(events).containsExactly("a", "the line is dead, after a");
    }

    private static final class Characters implements TokenDecoder {
        @Override
        public String append(int tokenId) {
            return String.valueOf((char) tokenId);
        }

        @Override
        public String flush() {
            return "";
        }
    }

    private final class Events implements Generation.Output {
        @Override
        public void put(GenerationChunk chunk) {
            events.add(chunk.text());
        }

        @Override
        public void end(GenerationResult result) {
            last = result;
            events.add(result.finishReason() + ": " + result.text() + " " + result.tokenIds());
        }

        @Override
        public void fail(GenerationException failure) {
            events.add(
                    failure.getMessage() + ", after " + failure.partialResult().text());
        }
    }
}
