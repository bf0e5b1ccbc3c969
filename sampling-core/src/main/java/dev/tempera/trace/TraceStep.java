package dev.tempera.trace;

import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * How one token came about. Immutable and thread-safe.
 *
 * <p>Log-probabilities are natural logarithms. Those after a stochastic processor (XTC by coin) or a sampler with state
 * are given its random numbers and its state: what was drawn from in this run.
 *
 * @param position how many tokens were generated before this one
 * @param tokenId the token drawn
 * @param text as people read it; empty without a tokenizer
 * @param rank among all tokens by the model's logits, 1 for the largest; equal ones by rising id
 * @param logit the model's
 * @param rawLogProbability in the softmax of the model's logits
 * @param processedLogProbability in the softmax of what the sampler was given
 * @param exactLogProbability of being drawn, what the sampler itself cuts or shapes included
 * @param uniform the random number of {@link dev.tempera.RandomPurpose#DRAW} at this position
 * @param cumulativeFrom probability of being drawn of all tokens of lower id: {@link dev.tempera.Sampler#CATEGORICAL}
 *     draws this one if {@code cumulativeFrom <= uniform < cumulativeTo}, to rounding
 * @param cumulativeTo the same, this token included
 * @param stages what each processor did, in order, and at the end the sampler; never empty
 * @param candidates the most probable tokens by the model's logits, falling; equal ones by rising id
 * @param others the model's logits of tokens that are not among the candidates but that processors often ask for: the
 *     one drawn, those of the text so far, stop tokens, biased ones; -inf for one that the model masks
 * @param tail all other tokens, in order of rising gaps
 */
public record TraceStep(
        int position,
        int tokenId,
        String text,
        int rank,
        float logit,
        double rawLogProbability,
        double processedLogProbability,
        double exactLogProbability,
        double uniform,
        double cumulativeFrom,
        double cumulativeTo,
        List<TracedStage> stages,
        List<TracedCandidate> candidates,
        SortedMap<Integer, Float> others,
        List<TailBucket> tail) {
    public TraceStep {
        stages = List.copyOf(stages);
        candidates = List.copyOf(candidates);
        others = Collections.unmodifiableSortedMap(new TreeMap<>(others));
        tail = List.copyOf(tail);
    }

    /** Entropy in nats of the softmax of the model's logits. */
    public double rawEntropy() {
        return stages.get(0).entropyBefore();
    }

    /** Entropy in nats of what the token was drawn from. */
    public double exactEntropy() {
        return stages.get(stages.size() - 1).entropyAfter();
    }

    /** How many tokens could have been drawn. */
    public int kept() {
        return stages.get(stages.size() - 1).kept();
    }

    /** A candidate's log-probability in the softmax of the model's logits. */
    public double rawLogProbability(TracedCandidate candidate) {
        return candidate.logit() == logit
                ? rawLogProbability
                : rawLogProbability + ((double) candidate.logit() - logit);
    }

    /** How many tokens are known by their number and gaps alone. */
    public int tailSize() {
        return tail.stream().mapToInt(TailBucket::count).sum();
    }
}
