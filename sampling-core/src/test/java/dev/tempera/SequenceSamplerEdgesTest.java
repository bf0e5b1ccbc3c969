package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.processor.AllowedTokens;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Edges of a sequence that state and rewinding have nothing to do with, and its messages. */
class SequenceSamplerEdgesTest {
    private static final int ROWS = 50;
    private static final SamplingPipeline PIPELINE =
            SamplingPipeline.of(new RepetitionPenalty(1.3), new Temperature(0.9), new TopP(0.95));

    private static float[] logits(long seed) {
        Random random = new Random(seed);
        float[] logits = new float[ROWS];
        for (int i = 0; i < ROWS; i++) {
            logits[i] = (float) random.nextGaussian() * 3;
        }
        return logits;
    }

    private static List<Integer> draw(SequenceSampler sampler, int from, int to) {
        List<Integer> drawn = new ArrayList<>();
        for (int step = from; step < to; step++) {
            drawn.add(sampler.sample(logits(step)));
        }
        return drawn;
    }

    @Test
    void sample_candidatesOfAnotherVocabulary_areRefused() {
        Logits candidates = Logits.ofCandidates(new int[] {7}, new float[] {1}, ROWS + 1);

        assertThatThrownBy(() -> PIPELINE.start(new int[] {1}, Vocabulary.ofRows(ROWS), 7)
                        .sample(candidates))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("logits must be of a vocabulary as large as the LM head has rows (50), got 51");
    }

    @Test
    void start_promptBeyondTheVocabulary_isRefused() {
        Vocabulary vocabulary = Vocabulary.ofRows(ROWS);

        assertThatThrownBy(() -> PIPELINE.start(new int[] {1, 50}, vocabulary, 7))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("prompt token ids must be at least 0 and below the rows of the LM head (50), got 50 at"
                        + " position 1");
        assertThatThrownBy(() -> PIPELINE.start(new int[] {-1}, vocabulary, 7))
                .hasMessageEndingWith("got -1 at position 0");
    }

    @Test
    void sample_cutBeforeAConstraint_isHintedAt() {
        SequenceSampler sampler = SamplingPipeline.of(new TopK(1), new AllowedTokens(List.of(0)))
                .start(new int[0], Vocabulary.ofRows(2), 7);

        assertThatThrownBy(() -> sampler.sample(new float[] {1, 2}))
                .isInstanceOf(InvalidLogitsException.class)
                .hasMessage(
                        "step 0: none of the 1 logits is a number above -inf (0 NaN, 1 -inf): either constraints forbid"
                                + " every token, or the weights or the data type are wrong; or a stage before the constraints"
                                + " removed what they allow");
    }

    @Test
    void sample_tinyTemperature_isHintedAt() {
        SequenceSampler sampler = SamplingPipeline.of(new Temperature(1e-19), new Temperature(1e-20))
                .start(new int[0], Vocabulary.ofRows(2), 7);

        assertThatThrownBy(() -> sampler.sample(new float[] {-1, -2}))
                .isInstanceOf(InvalidLogitsException.class)
                .hasMessageEndingWith("the weights or the data type are wrong; or a stage pushed them beyond the"
                        + " largest float, such as a temperature near 0");
    }

    @Test
    void sample_sameSeed_isTheSame_otherSeedIsNot() {
        List<Integer> first = draw(PIPELINE.start(new int[] {1}, Vocabulary.ofRows(ROWS), 7), 0, 40);

        assertThat(draw(PIPELINE.start(new int[] {1}, Vocabulary.ofRows(ROWS), 7), 0, 40))
                .isEqualTo(first);
        assertThat(draw(PIPELINE.start(new int[] {1}, Vocabulary.ofRows(ROWS), 8), 0, 40))
                .isNotEqualTo(first);
    }

    /** What was drawn elsewhere and accepted is as good as what was drawn here. */
    @Test
    void accept_ofAnEarlierText_continuesAsIfDrawnHere() {
        List<Integer> whole = draw(PIPELINE.start(new int[] {1}, Vocabulary.ofRows(ROWS), 7), 0, 40);
        SequenceSampler resumed = PIPELINE.start(new int[] {1}, Vocabulary.ofRows(ROWS), 7);
        whole.subList(0, 25).forEach(resumed::accept);

        assertThat(draw(resumed, 25, 40)).isEqualTo(whole.subList(25, 40));
    }

    /** Takes the argmax, and every other time the lowest id. */
    private static final class Alternating implements Sampler {
        private int drawn;

        @Override
        public int sample(Logits logits, SamplingContext context) {
            return drawn % 2 == 0 ? logits.argmax() : logits.tokenId(0);
        }

        @Override
        public Sampler forSequence(SamplingContext context) {
            return new Alternating();
        }

        @Override
        public void accept(int tokenId, SamplingContext context) {
            drawn++;
        }

        @Override
        public Object snapshot() {
            return drawn;
        }

        @Override
        public void restore(@Nullable Object snapshot) {
            drawn = (Integer) Objects.requireNonNull(snapshot);
        }
    }

    @Test
    void samplerWithState_belongsToTheSequence_andIsRestored() {
        SamplingPipeline pipeline =
                SamplingPipeline.builder().sampler(new Alternating()).build();
        SequenceSampler one = pipeline.start(new int[0], Vocabulary.ofRows(3), 1);
        SequenceSampler other = pipeline.start(new int[0], Vocabulary.ofRows(3), 1);
        float[] logits = {0, 1, 2};

        assertThat(one.sample(logits.clone())).isEqualTo(2);
        SequenceSampler.Snapshot snapshot = one.snapshot();
        assertThat(one.sample(logits.clone())).isEqualTo(0);
        one.restore(snapshot);
        assertThat(one.sample(logits.clone())).isEqualTo(0);
        assertThat(one.fork(1).sample(logits.clone())).isEqualTo(2);
        assertThat(other.sample(logits.clone())).isEqualTo(2);
    }

    @Test
    void process_drawsNothing() {
        SequenceSampler sampler = PIPELINE.start(new int[] {1}, Vocabulary.ofRows(ROWS), 7);
        int size = sampler.process(logits(0)).size();

        assertThat(sampler.history().size()).isEqualTo(1);
        assertThat(sampler.process(logits(0)).size()).isEqualTo(size);
    }

    @Test
    void rowsThatAreNoToken_areNeverDrawn_andCountInNoStatistic() {
        Vocabulary padded = new Vocabulary() {
            @Override
            public int rows() {
                return 4;
            }

            @Override
            public boolean isToken(int tokenId) {
                return tokenId < 3;
            }

            @Override
            public int[] encode(String text) {
                return new int[0];
            }
        };
        SequenceSampler sampler = SamplingPipeline.of(new TopP(0.5)).start(new int[0], padded, 1);

        for (int step = 0; step < 20; step++) {
            assertThat(sampler.sample(new float[] {0, 0, 1, 100})).isEqualTo(2);
        }
    }

    @Test
    void sample_logitsOfAnotherLength_isRefused() {
        SequenceSampler sampler = PIPELINE.start(new int[0], Vocabulary.ofRows(ROWS), 1);

        assertThatThrownBy(() -> sampler.sample(new float[3]))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("logits must have as many entries as the LM head has rows (50), got 3");
    }

    @Test
    void otherLogits_reachTheProcessors() {
        SequenceSampler sampler = SamplingPipeline.of((logits, context) -> {
                    float[] negative = context.logits("negative");
                    logits.addToToken(0, negative == null ? 0 : -negative[0]);
                })
                .start(new int[0], Vocabulary.ofRows(2), 1);

        assertThat(sampler.process(new float[] {5, 1}).get(0)).isEqualTo(5);
        sampler.provideLogits("negative", new float[] {2, 0});
        assertThat(sampler.process(new float[] {5, 1}).get(0)).isEqualTo(3);
    }

    /** Holds back every token and takes back what it is told to. */
    private static final class Rewinding implements LogitsProcessor {
        private final int at;
        private final int by;

        Rewinding(int at, int by) {
            this.at = at;
            this.by = by;
        }

        @Override
        public void process(Logits logits, SamplingContext context) {}

        @Override
        public Acceptance accept(int tokenId, SamplingContext context) {
            return context.history().generatedSize() == at ? Acceptance.rewind(by) : Acceptance.HOLD;
        }

        @Override
        public boolean mayRewind() {
            return true;
        }
    }

    @Test
    void rewind_takesTheHistoryBack() {
        SequenceSampler sampler =
                SamplingPipeline.of(new Rewinding(5, 3)).start(new int[] {1}, Vocabulary.ofRows(ROWS), 7);
        for (int tokenId = 10; tokenId < 14; tokenId++) {
            assertThat(sampler.accept(tokenId)).isEqualTo(Acceptance.HOLD);
        }
        assertThat(sampler.accept(14)).isEqualTo(Acceptance.rewind(3));

        assertThat(sampler.history().size()).isEqualTo(3);
        assertThat(sampler.history().get(2)).isEqualTo(11);
    }

    @Test
    void rewind_beyondWhatWasHeld_isAMistakeOfTheProcessor() {
        SequenceSampler sampler =
                SamplingPipeline.of(new Rewinding(2, 9)).start(new int[] {1}, Vocabulary.ofRows(ROWS), 7);
        sampler.accept(10);

        assertThatThrownBy(() -> sampler.accept(11))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith(
                        "a processor wants to take back 9 tokens, but only 2 were held back: logits -> ");
    }

    @Test
    void acceptances_theStrongerOneCounts() {
        assertThat(Acceptance.EMIT.and(Acceptance.HOLD)).isEqualTo(Acceptance.HOLD);
        assertThat(Acceptance.HOLD.and(Acceptance.EMIT)).isEqualTo(Acceptance.HOLD);
        assertThat(Acceptance.HOLD.and(Acceptance.rewind(1))).isEqualTo(Acceptance.rewind(1));
        assertThat(Acceptance.rewind(1).and(Acceptance.rewind(3))).isEqualTo(Acceptance.rewind(3));
        assertThat(Acceptance.rewind(3).and(Acceptance.HOLD)).isEqualTo(Acceptance.rewind(3));
    }
}
