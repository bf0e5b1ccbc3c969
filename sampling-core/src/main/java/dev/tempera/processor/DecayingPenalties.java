package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TokenCounts;
import dev.tempera.TokenHistory;
import dev.tempera.TokenScope;

/**
 * Repetition, presence and frequency penalty that fade with distance. A token that stands {@code age} tokens before
 * the newest one weighs {@code w = min(1, (window + decay - age) / decay)}: 1 up to the window, then less by 1 / decay
 * with each token, and nothing from there on. Each token seen, once, with the weight of its newest occurrence: {@code
 * r = 1 + (repetition - 1) * w; logit = (logit > 0 ? logit / r : logit * r) - presence * w}; for every occurrence,
 * with its own weight: {@code logit -= frequency * w}.
 *
 * <p>As exllamav2's {@code token_repetition_penalty}, {@code _range} and {@code _decay}, which count the prompt; the
 * token right behind the window still weighs 1 there, too. Immutable and thread-safe. O(window + decay), no allocation.
 *
 * @param repetition greater than 0; 1 changes nothing
 * @param presence finite; 0 changes nothing
 * @param frequency finite; 0 changes nothing
 * @param window how many of the newest tokens weigh 1, at least 1; {@link Integer#MAX_VALUE} for all
 * @param decay over how many tokens the weight then falls to nothing, at least 0
 * @param scope whether the prompt counts
 */
public record DecayingPenalties(
        double repetition, double presence, double frequency, int window, int decay, TokenScope scope)
        implements LogitsProcessor {
    /** @throws InvalidParametersException if a value is outside its range */
    public DecayingPenalties {
        Penalties.requireFactor("repetition_penalty", repetition);
        Penalties.requireFinite("presence_penalty", presence);
        Penalties.requireFinite("frequency_penalty", frequency);
        Penalties.requireWindow(window);
        Require.that(decay >= 0, "decay", "be at least 0 tokens", decay);
    }

    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        TokenTable seen = new TokenTable(); // scratch space
        return (logits, current) -> penalise(logits, current.history(), seen);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        penalise(logits, context.history(), new TokenTable());
    }

    private void penalise(Logits logits, TokenHistory history, TokenTable seen) {
        seen.clear();
        TokenCounts counted = history.counts(scope, Integer.MAX_VALUE);
        int reach = (int) Math.min(history.size(scope), (long) window + decay);
        for (int age = 0; age < reach; age++) {
            int tokenId = history.get(history.size() - 1 - age);
            long steps = decay == 0 ? 1 : Math.min(decay, (long) window + decay - age);
            if (counted.countOf(tokenId) > 0 && seen.add(tokenId, steps)) {
                penaliseOnce(logits, tokenId, weight(steps));
            }
        }
        for (int i = 0; i < seen.size() && frequency != 0; i++) {
            logits.addToToken(seen.tokenId(i), Penalties.finite(-(frequency * weight(seen.value(i)))));
        }
    }

    private void penaliseOnce(Logits logits, int tokenId, double weight) {
        float factor = (float) (1 + (repetition - 1) * weight);
        logits.setToken(tokenId, Penalties.discouraged(logits.ofToken(tokenId), factor));
        logits.addToToken(tokenId, (float) -(presence * weight));
    }

    private double weight(long steps) {
        return decay == 0 ? steps : (double) steps / decay;
    }
}
