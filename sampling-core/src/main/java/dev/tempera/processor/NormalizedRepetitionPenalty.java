package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import dev.tempera.TokenCounts;
import dev.tempera.TokenScope;

/**
 * A repetition penalty on log-probabilities: raises the probability of every token already seen to the power of the
 * penalty, before all are normalised again: {@code logit = z - penalty * (z - logit)}, z the {@link Logits#logSumExp}
 * of the position.
 *
 * <p>Source: Hollows 2026, arXiv 2607.09791: {@link RepetitionPenalty} depends on where a model's logits have their
 * zero, which means nothing, and treats logits on its two sides differently; this one does not. As the {@code
 * normalize} option that was proposed for transformers (pull request 48642); there all logits become
 * log-probabilities, here the tokens not seen stay as they are, which is the same distribution. -inf stays -inf, other
 * logits finite. Immutable and thread-safe. O(size), no allocation.
 *
 * @param penalty greater than 0; above 1 discourages, below 1 encourages, 1 changes nothing
 * @param window how many tokens to look back, at least 1; {@link Integer#MAX_VALUE} for all
 * @param scope whether the prompt counts
 */
public record NormalizedRepetitionPenalty(double penalty, int window, TokenScope scope) implements LogitsProcessor {
    /** @throws InvalidParametersException if the penalty is not finite and above 0, or the window below 1 */
    public NormalizedRepetitionPenalty {
        Penalties.requireFactor("repetition_penalty", penalty);
        Penalties.requireWindow(window);
    }

    /** Over prompt and generated tokens. */
    public NormalizedRepetitionPenalty(double penalty) {
        this(penalty, Integer.MAX_VALUE, TokenScope.PROMPT_AND_GENERATED);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        TokenCounts seen = context.history().counts(scope, window);
        double z = Double.NaN;
        for (int i = 0; i < seen.size(); i++) {
            float logit = logits.ofToken(seen.tokenId(i));
            if (seen.count(i) > 0 && Float.isFinite(logit)) {
                z = Double.isNaN(z) ? logits.logSumExp() : z;
                if (z == Double.POSITIVE_INFINITY) {
                    return; // all the probability is at +inf
                }
                double penalised = z - penalty * (z - logit);
                logits.setToken(seen.tokenId(i), (float) Math.max(-Float.MAX_VALUE, penalised));
            }
        }
    }
}
