package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.Require;
import dev.tempera.Sampler;
import dev.tempera.SamplingContext;

/**
 * Prefers tokens whose probability is near a target: replaces each logit by {@code 5 - 10 d^2 / (1 + d)} with {@code d =
 * |p - target'| / 0.3}, and draws from the softmax of those. The target moves so that the mean probability of the drawn
 * tokens stays at the one that was asked for: {@code target' = 2 target - mean}, clamped to [0, 1], where {@code mean :=
 * decay * mean + (1 - decay) * p} of each drawn token, as p was before the replacement, and starts at the target.
 *
 * <p>Source: llama.cpp's {@code adaptive-p} (pull request 17927), which this matches; there decay is clamped to 0.99.
 * Every candidate gets a finite logit, however improbable it was: a min-p or top-p before it decides which may come at
 * all. -inf stays -inf. Equal probabilities stay equal.
 *
 * <p>The mean learns from tokens that this sampler drew. One that was chosen elsewhere (forced, drafted, replayed)
 * leaves it as it is: its logits were not seen. To go on where a sequence was, restore a snapshot. Immutable and
 * thread-safe; the mean belongs to {@link #forSequence}. O(size) and an exp for each candidate, no
 * allocation.
 *
 * @param target in [0, 1]; negative: draws from the softmax as it is
 * @param decay in [0, 1): the mean looks back about 1 / (1 - decay) tokens
 */
public record AdaptiveP(double target, double decay) implements Sampler {
    /** @throws dev.tempera.InvalidParametersException if the target is above 1 or no number, or decay outside [0, 1) */
    public AdaptiveP {
        Require.that(target <= 1, "target", "be in [0, 1], or negative for none", target);
        Require.that(decay >= 0 && decay < 1, "decay", "be in [0, 1)", decay);
    }

    @Override
    public Sampler forSequence(SamplingContext context) {
        return target < 0 ? Sampler.CATEGORICAL : new ProbabilityControl(target, decay);
    }

    /** Of a sequence that has just begun: {@link #forSequence} has the state. */
    @Override
    public int sample(Logits logits, SamplingContext context) {
        return forSequence(context).sample(logits, context);
    }

    @Override
    public void shape(Logits logits, SamplingContext context) {
        forSequence(context).shape(logits, context);
    }
}
