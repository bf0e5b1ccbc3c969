package dev.tempera;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Changes which token comes next, and how likely it is. The one extension point of sampling: a lambda is a processor.
 *
 * <p>What a user builds is immutable and shared by any number of sequences. A processor with state gives a fresh
 * instance from {@link #forSequence}; that one belongs to a single sequence and thread. For such an instance
 * {@link #snapshot} and {@link #restore} must hold: after {@code s = snapshot()}, any number of {@code process} and
 * {@code accept}, and {@code restore(s)}, it behaves as it did at the snapshot, however often s is restored.
 */
@FunctionalInterface
public interface LogitsProcessor {
    /** Reads and changes the candidates of one position. Must leave at least one candidate above -inf. */
    void process(Logits logits, SamplingContext context);

    /**
     * The names of further logits that it asks {@link SamplingContext#logits} for, at every position. An engine that cannot
     * give them refuses the request before it generates.
     */
    default Set<String> needsLogits() {
        return Set.of();
    }

    /** The instance that runs on one sequence, called once with the prompt in the history. Stateless ones: this. */
    default LogitsProcessor forSequence(SamplingContext context) {
        return this;
    }

    /** Told of every token that follows, drawn here or forced from outside, after it entered the history. */
    default Acceptance accept(int tokenId, SamplingContext context) {
        return Acceptance.EMIT;
    }

    /**
     * Whether {@link #accept} may hold back or take back tokens. Asked of the instance that {@link #forSequence} gave.
     */
    default boolean mayRewind() {
        return false;
    }

    /**
     * Told that the tokens it asked to take back are gone: history and state are those from before the first of them.
     * With the same logits and the same random number the same token would come again, so this is the place to remember
     * what may not; the memory belongs to the state from here on. A sequence that takes back 10,000 times without
     * getting on ends with an {@link IllegalStateException}.
     */
    default void rewound(int[] takenBack, SamplingContext context) {}

    /** The state as an immutable value; null for a stateless processor. */
    default @Nullable Object snapshot() {
        return null;
    }

    /** Goes back to a state that {@link #snapshot} gave. */
    default void restore(@Nullable Object snapshot) {}
}
