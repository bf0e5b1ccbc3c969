package dev.tempera.testkit;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.Logits;
import dev.tempera.Sampler;
import dev.tempera.SamplingContext;
import dev.tempera.Ties;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The contract holds for a sampler with state that is written well, and notices the usual mistakes. */
class SamplerContractTest {
    /** Keeps one candidate more after every token. */
    private static class Widening implements Sampler {
        int accepted;

        @Override
        public Sampler forSequence(SamplingContext context) {
            return new Widening();
        }

        @Override
        public int sample(Logits logits, SamplingContext context) {
            shape(logits, context);
            return Sampler.CATEGORICAL.sample(logits, context);
        }

        @Override
        public void shape(Logits logits, SamplingContext context) {
            logits.retainTop(2 + accepted, Ties.LOWEST_IDS);
        }

        @Override
        public void accept(int tokenId, SamplingContext context) {
            accepted++;
        }

        @Override
        public @Nullable Object snapshot() {
            return accepted;
        }

        @Override
        public void restore(@Nullable Object snapshot) {
            accepted = snapshot == null ? 0 : (Integer) snapshot;
        }
    }

    @Nested
    class WellWritten extends SamplerContract {
        @Override
        protected List<Sampler> samplers() {
            return List.of(new Widening());
        }
    }

    /** Its methods are called below, and must fail. */
    private final SamplerContract contract = new SamplerContractOfNone();

    @Test
    void stateSharedBySequences_isNoticed() {
        Sampler shared = new Widening() {
            @Override
            public Sampler forSequence(SamplingContext context) {
                return this;
            }
        };

        assertThatThrownBy(() -> contract.sequences_ofOneSampler_areIndependent(shared))
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void stateMissingFromTheSnapshot_isNoticed() {
        class Forgetful extends Widening {
            @Override
            public Sampler forSequence(SamplingContext context) {
                return new Forgetful();
            }

            @Override
            public void restore(@Nullable Object snapshot) {}
        }

        assertThatThrownBy(() -> contract.restore_goesBackToTheSnapshot_howeverOften(new Forgetful()))
                .isInstanceOf(AssertionError.class);
        assertThatThrownBy(() -> contract.fork_continuesFromHere_andLeavesTheOriginalAlone(new Forgetful()))
                .isInstanceOf(AssertionError.class);
        assertThatThrownBy(() -> contract.tokensTakenBack_leaveNothing(new Forgetful()))
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void stateChangedByShape_isNoticed() {
        class Eager extends Widening {
            @Override
            public Sampler forSequence(SamplingContext context) {
                return new Eager();
            }

            @Override
            public void shape(Logits logits, SamplingContext context) {
                super.shape(logits, context);
                accepted++;
            }
        }

        assertThatThrownBy(() -> contract.shape_changesNoState(new Eager())).isInstanceOf(AssertionError.class);
    }

    @Test
    void shapeThatIsNotWhatIsDrawnFrom_isNoticed() {
        Sampler hotter = (logits, context) -> {
            logits.divide(1.2f);
            return Sampler.CATEGORICAL.sample(logits, context);
        };

        assertThatThrownBy(() -> contract.sample_drawsFromTheSoftmaxOfTheShape(hotter))
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void tokenThatIsNoCandidate_isNoticed() {
        assertThatThrownBy(() -> contract.sample_givesACandidate_ofTheDistribution((logits, context) -> 20))
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void positionTakenForTheTokenId_isNoticed() {
        Sampler byPosition = new Sampler() {
            @Override
            public int sample(Logits logits, SamplingContext context) {
                return logits.argmax();
            }

            @Override
            public void shape(Logits logits, SamplingContext context) {
                logits.set(2, logits.get(2) - 1);
            }
        };

        assertThatThrownBy(() -> contract.shape_ofNarrowedCandidates_isThatOfMaskedOnes(byPosition))
                .isInstanceOf(AssertionError.class);
    }

    /** The contract by itself: not a test, hence not named like one. */
    private static final class SamplerContractOfNone extends SamplerContract {
        @Override
        protected List<Sampler> samplers() {
            return List.of();
        }
    }
}
