package dev.tempera.testkit;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.Acceptance;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
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
        assertThatThrownBy(() -> contract.fork_andOriginal_goOnAlone(new Forgetful()))
                .isInstanceOf(AssertionError.class);
        assertThatThrownBy(() -> contract.tokensTakenBack_leaveNothing(new Forgetful()))
                .isInstanceOf(AssertionError.class);
    }

    /** Remembers every token with its place. */
    private static class Remembering implements LogitsProcessor {
        Map<Integer, Integer> tokens = new TreeMap<>();

        @Override
        public LogitsProcessor forSequence(SamplingContext context) {
            return new Remembering();
        }

        @Override
        public void process(Logits logits, SamplingContext context) {
            tokens.forEach((place, tokenId) -> logits.addToToken(tokenId, -place));
        }

        @Override
        public Acceptance accept(int tokenId, SamplingContext context) {
            tokens.put(context.history().size(), tokenId);
            return Acceptance.EMIT;
        }

        @Override
        public @Nullable Object snapshot() {
            return Map.copyOf(tokens);
        }

        @Override
        @SuppressWarnings("unchecked")
        public void restore(@Nullable Object snapshot) {
            tokens = new TreeMap<>((Map<Integer, Integer>) Objects.requireNonNull(snapshot));
        }
    }

    @Nested
    class WellRemembering extends LogitsProcessorContract {
        @Override
        protected List<LogitsProcessor> processors() {
            return List.of(new Remembering());
        }
    }

    @Test
    void snapshotThatLivesOn_isNoticed() {
        class Live extends Remembering {
            @Override
            public LogitsProcessor forSequence(SamplingContext context) {
                return new Live();
            }

            @Override
            public Object snapshot() {
                return tokens;
            }
        }

        assertThatThrownBy(() -> contract.restore_goesBackToTheSnapshot_howeverOften(new Live()))
                .isInstanceOf(AssertionError.class);
        assertThatThrownBy(() -> contract.tokensTakenBack_leaveNothing(new Live()))
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void snapshotThatRestoreGoesOnWith_isNoticed() {
        class Sharing extends Remembering {
            @Override
            public LogitsProcessor forSequence(SamplingContext context) {
                return new Sharing();
            }

            @Override
            public Object snapshot() {
                return new TreeMap<>(tokens);
            }

            @Override
            @SuppressWarnings("unchecked")
            public void restore(@Nullable Object snapshot) {
                tokens = (Map<Integer, Integer>) Objects.requireNonNull(snapshot);
            }
        }

        assertThatThrownBy(() -> contract.restore_goesBackToTheSnapshot_howeverOften(new Sharing()))
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void whatWasComputedForTakenBackTokens_isNoticed() {
        // Keeps, by the length of the text, what it once found there.
        class Caching extends Counting {
            final Map<Integer, Integer> lastByLength = new HashMap<>();

            @Override
            public LogitsProcessor forSequence(SamplingContext context) {
                return new Caching();
            }

            @Override
            public void process(Logits logits, SamplingContext context) {
                int size = context.history().size();
                logits.addToToken(
                        lastByLength.computeIfAbsent(
                                size, key -> context.history().get(size - 1)),
                        -count);
            }
        }

        assertThatThrownBy(() -> contract.restore_goesOnAsIfNothingHadBeen(new Caching()))
                .isInstanceOf(AssertionError.class);
        assertThatThrownBy(() -> contract.tokensTakenBack_leaveNothing(new Caching()))
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void stateOfTheClass_isNoticed() {
        int[] drawnByAll = new int[1];
        class Global extends Counting {
            @Override
            public LogitsProcessor forSequence(SamplingContext context) {
                return new Global();
            }

            @Override
            public void process(Logits logits, SamplingContext context) {
                count = drawnByAll[0];
                super.process(logits, context);
            }

            @Override
            public Acceptance accept(int tokenId, SamplingContext context) {
                drawnByAll[0]++;
                return Acceptance.EMIT;
            }
        }

        assertThatThrownBy(() -> contract.sequences_ofOneProcessor_areIndependent(new Global()))
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
