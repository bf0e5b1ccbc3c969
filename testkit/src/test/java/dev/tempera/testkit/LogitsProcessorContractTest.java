package dev.tempera.testkit;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.Acceptance;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The contract holds for a processor with state that is written well, and notices the usual mistakes. */
class LogitsProcessorContractTest {
    /** Lowers the token that was drawn last, by as much as tokens were drawn. */
    private static class Counting implements LogitsProcessor {
        int count;

        @Override
        public LogitsProcessor forSequence(SamplingContext context) {
            return new Counting();
        }

        @Override
        public void process(Logits logits, SamplingContext context) {
            logits.addToToken(context.history().get(context.history().size() - 1), -count);
        }

        @Override
        public Acceptance accept(int tokenId, SamplingContext context) {
            count++;
            return Acceptance.EMIT;
        }

        @Override
        public @Nullable Object snapshot() {
            return count;
        }

        @Override
        public void restore(@Nullable Object snapshot) {
            count = snapshot == null ? 0 : (Integer) snapshot;
        }
    }

    @Nested
    class WellWritten extends LogitsProcessorContract {
        @Override
        protected List<LogitsProcessor> processors() {
            return List.of(new Counting());
        }
    }

    /** Its methods are called below, and must fail. */
    private final LogitsProcessorContract contract = new ContractOfNone();

    @Test
    void stateSharedBySequences_isNoticed() {
        LogitsProcessor shared = new Counting() {
            @Override
            public LogitsProcessor forSequence(SamplingContext context) {
                return this;
            }
        };

        assertThatThrownBy(() -> contract.sequences_ofOneProcessor_areIndependent(shared))
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void stateMissingFromTheSnapshot_isNoticed() {
        class Forgetful extends Counting {
            @Override
            public LogitsProcessor forSequence(SamplingContext context) {
                return new Forgetful();
            }

            @Override
            public void restore(@Nullable Object snapshot) {}
        }

        assertThatThrownBy(() -> contract.restore_goesBackToTheSnapshot_howeverOften(new Forgetful()))
                .isInstanceOf(AssertionError.class);
        assertThatThrownBy(() -> contract.fork_continuesFromHere_andLeavesTheOriginalAlone(new Forgetful()))
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void stateChangedByProcess_isNoticed() {
        class Eager extends Counting {
            @Override
            public LogitsProcessor forSequence(SamplingContext context) {
                return new Eager();
            }

            @Override
            public void process(Logits logits, SamplingContext context) {
                count++;
                super.process(logits, context);
            }
        }

        assertThatThrownBy(() -> contract.process_again_isTheSame(new Eager())).isInstanceOf(AssertionError.class);
    }

    @Test
    void everythingMasked_isNoticed() {
        assertThatThrownBy(() -> contract.process_leavesACandidate((logits, context) -> {
                    for (int i = 0; i < logits.size(); i++) {
                        logits.set(i, Float.NEGATIVE_INFINITY);
                    }
                }))
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void maskedTokenBroughtBack_isNoticed() {
        assertThatThrownBy(() -> contract.process_bringsNoMaskedTokenBack((logits, context) -> logits.setToken(20, 1)))
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void positionTakenForTheTokenId_isNoticed() {
        assertThatThrownBy(() -> contract.process_ofNarrowedCandidates_isThatOfMaskedOnes(
                        (logits, context) -> logits.set(2, logits.get(2) - 1)))
                .isInstanceOf(AssertionError.class);
    }
}
