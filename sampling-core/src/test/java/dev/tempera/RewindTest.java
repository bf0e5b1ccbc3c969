package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Taking tokens back: what comes again, what is remembered, what a fork knows. */
class RewindTest {
    private static final float[] PREFERS_ONE_THEN_TWO = {0, 3, 2, 1};

    @Test
    void sample_rewound_choosesAnotherToken() {
        SequenceSampler sampler = start(new TakesBackPair(1, 1, true));

        assertThat(sampler.sample(PREFERS_ONE_THEN_TWO.clone())).isEqualTo(1);
        assertThat(sampler.acceptance()).isEqualTo(Acceptance.HOLD);
        sampler.sample(PREFERS_ONE_THEN_TWO.clone());
        assertThat(sampler.acceptance()).isEqualTo(Acceptance.rewind(2));
        assertThat(sampler.history().generatedSize()).isZero();

        assertThat(sampler.sample(PREFERS_ONE_THEN_TWO.clone())).isEqualTo(2);
        assertThat(sampler.acceptance()).isEqualTo(Acceptance.EMIT);
    }

    @Test
    void fork_whileHolding_canTakeBackWhatWasHeld() {
        SequenceSampler sampler = start(new TakesBackPair(1, 1, true));
        sampler.sample(PREFERS_ONE_THEN_TWO.clone());

        SequenceSampler fork = sampler.fork(5);

        fork.sample(PREFERS_ONE_THEN_TWO.clone());
        assertThat(fork.acceptance()).isEqualTo(Acceptance.rewind(2));
        assertThat(fork.history().generatedSize()).isZero();
    }

    @Test
    void restore_beforeHeldTokens_forgetsThem() {
        SequenceSampler sampler = start(new TakesBackPair(1, 1, true));
        SequenceSampler.Snapshot start = sampler.snapshot();
        sampler.sample(PREFERS_ONE_THEN_TWO.clone());
        sampler.restore(start);
        sampler.sample(PREFERS_ONE_THEN_TWO.clone());
        sampler.sample(PREFERS_ONE_THEN_TWO.clone());

        assertThat(sampler.acceptance()).isEqualTo(Acceptance.rewind(2));
        assertThat(sampler.history().generatedSize()).isZero();
    }

    @Test
    void sample_processorThatLearnsNothing_endsWithAMessage() {
        SequenceSampler sampler = start(new TakesBackPair(1, 1, false));

        assertThatThrownBy(() -> {
                    while (true) {
                        sampler.sample(PREFERS_ONE_THEN_TWO.clone());
                    }
                })
                .isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith(
                        "took tokens back 10000 times without getting on: a processor takes back nearly all"
                                + " that may come, or lets the same token come again (see LogitsProcessor.rewound): logits");
    }

    @Test
    void accept_rewindUnannounced_namesTheProcessor() {
        LogitsProcessor unannounced = new LogitsProcessor() {
            @Override
            public void process(Logits logits, SamplingContext context) {}

            @Override
            public Acceptance accept(int tokenId, SamplingContext context) {
                return Acceptance.rewind(1);
            }

            @Override
            public String toString() {
                return "Unannounced[]";
            }
        };

        assertThatThrownBy(() -> start(unannounced).accept(1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("Unannounced[] answered Acceptance[rewind=1, held=0] although its mayRewind() says that"
                        + " it never does");
    }

    @Test
    void accept_holdOfTheLast_letsGoWhatIsBefore() {
        SequenceSampler sampler = start(new Answers(Acceptance.hold(1), Acceptance.hold(2), Acceptance.rewind(2)));
        sampler.accept(1);
        sampler.accept(1);
        sampler.accept(1);
        assertThat(sampler.history().generatedSize()).isEqualTo(1);

        SequenceSampler tooFar = start(new Answers(Acceptance.HOLD, Acceptance.hold(1), Acceptance.rewind(3)));
        tooFar.accept(1);
        tooFar.accept(1);
        assertThatThrownBy(() -> tooFar.accept(1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith(
                        "a processor wants to take back 3 tokens, but only 2 were held back: logits -> Answers");
    }

    @Test
    void accept_twoHold_theLongerCounts() {
        SequenceSampler sampler = SamplingPipeline.of(
                        new Answers(Acceptance.HOLD, Acceptance.hold(1), Acceptance.EMIT),
                        new Answers(Acceptance.HOLD, Acceptance.hold(2), Acceptance.rewind(3)))
                .start(new int[] {0}, Vocabulary.ofRows(4), 1);
        sampler.accept(1);
        sampler.accept(1);
        assertThat(sampler.acceptance()).isEqualTo(Acceptance.hold(2));
        sampler.accept(1);
        assertThat(sampler.history().generatedSize()).isZero();
    }

    @Test
    void acceptance_impossible_isRefused() {
        assertThatThrownBy(() -> Acceptance.hold(0)).hasMessage("tokens must be at least 1, got 0");
        assertThatThrownBy(() -> Acceptance.rewind(0)).hasMessage("tokens must be at least 1, got 0");
        assertThatThrownBy(() -> new Acceptance(-1, 0)).hasMessage("rewind must be at least 0, got -1");
        assertThatThrownBy(() -> new Acceptance(0, -1)).hasMessage("held must be at least 0, got -1");
        assertThatThrownBy(() -> new Acceptance(2, 1)).hasMessage("held must be 0 when tokens are taken back, got 1");
    }

    /** Answers in turn, by the number of generated tokens. */
    private record Answers(Acceptance... answers) implements LogitsProcessor {
        @Override
        public void process(Logits logits, SamplingContext context) {}

        @Override
        public Acceptance accept(int tokenId, SamplingContext context) {
            return answers[context.history().generatedSize() - 1];
        }

        @Override
        public boolean mayRewind() {
            return true;
        }
    }

    @Test
    void logits_ofAnEarlierPosition_areForgotten() {
        SequenceSampler sampler = start(new TakesBackPair(3, 3, true));
        sampler.provideLogits("negative", new float[] {1, 2, 3, 4});
        assertThat(sampler.context().logits("negative")).containsExactly(1, 2, 3, 4);

        sampler.accept(2);

        assertThat(sampler.context().logits("negative")).isNull();
    }

    private static SequenceSampler start(LogitsProcessor processor) {
        return SamplingPipeline.builder()
                .add(processor)
                .sampler(Sampler.GREEDY)
                .build()
                .start(new int[] {0}, Vocabulary.ofRows(4), 1);
    }

    /** Never lets {@code second} follow {@code first}: takes both back and then forbids {@code first} at that place. */
    private record TakesBackPair(int first, int second, boolean learns) implements LogitsProcessor {
        @Override
        public void process(Logits logits, SamplingContext context) {}

        @Override
        public LogitsProcessor forSequence(SamplingContext context) {
            return new LogitsProcessor() {
                private final Set<Integer> forbiddenAt = new HashSet<>();

                @Override
                public void process(Logits logits, SamplingContext current) {
                    if (forbiddenAt.contains(current.history().size())) {
                        logits.mask(first);
                    }
                }

                @Override
                public Acceptance accept(int tokenId, SamplingContext current) {
                    int size = current.history().size();
                    if (tokenId == second && size >= 2 && current.history().get(size - 2) == first) {
                        return Acceptance.rewind(2);
                    }
                    return tokenId == first ? Acceptance.HOLD : Acceptance.EMIT;
                }

                @Override
                public boolean mayRewind() {
                    return true;
                }

                @Override
                public void rewound(int[] takenBack, SamplingContext current) {
                    assertThat(takenBack).containsExactly(first, second);
                    if (learns) {
                        forbiddenAt.add(current.history().size());
                    }
                }

                @Override
                public @Nullable Object snapshot() {
                    return Set.copyOf(forbiddenAt);
                }

                @Override
                @SuppressWarnings("unchecked")
                public void restore(@Nullable Object snapshot) {
                    forbiddenAt.clear();
                    forbiddenAt.addAll((Set<Integer>) java.util.Objects.requireNonNull(snapshot));
                }
            };
        }
    }
}
