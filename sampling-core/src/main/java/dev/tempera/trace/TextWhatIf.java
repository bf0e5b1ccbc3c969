package dev.tempera.trace;

import java.util.Comparator;
import java.util.List;

/**
 * A text under another pipeline. Immutable and thread-safe.
 *
 * @param pipeline the other one, as it prints itself
 * @param steps one for each token
 */
public record TextWhatIf(String pipeline, List<StepWhatIf> steps) {
    public TextWhatIf {
        steps = List.copyOf(steps);
    }

    /** Of drawing exactly this text: the sum over its steps. */
    public Bounds logProbability() {
        return steps.stream().map(StepWhatIf::logProbability).reduce(Bounds.exactly(0), Bounds::plus);
    }

    /** The steps by rising probability of their token: where another text would most likely part from this one. */
    public List<StepWhatIf> mostLikelyToDiffer() {
        return steps.stream()
                .sorted(Comparator.comparingDouble(
                        (StepWhatIf step) -> step.logProbability().logMiddle()))
                .toList();
    }

    @Override
    public String toString() {
        return "log-probability " + logProbability() + " under " + pipeline;
    }
}
