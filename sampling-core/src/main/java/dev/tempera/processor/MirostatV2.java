package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.Sampler;
import dev.tempera.SamplingContext;
import dev.tempera.Ties;

/**
 * Holds the surprise of the text near a target: keeps the tokens with {@code -log2 p <= mu}, at least the most probable
 * one (the lowest id on a tie), and draws from their softmax. Then {@code mu := mu - eta * (surprise - tau)}, with
 * {@code surprise = -log2} of the drawn token's probability among those kept. mu starts at {@code 2 tau}.
 *
 * <p>Source: Basu et al. 2020, "Mirostat", arXiv 2007.14966; the form without the estimate of k is llama.cpp's
 * {@code mirostat_v2}, which this matches. Surprise is in bits.
 *
 * <p>mu learns from tokens that this sampler drew. One that was chosen elsewhere (forced, drafted, replayed) leaves mu
 * as it is: its logits were not seen. To go on where a sequence was, restore a snapshot. Immutable and thread-safe;
 * mu belongs to {@link #forSequence}. O(size) and one exp a token, no allocation.
 *
 * @param tau the surprise to hold, in bits, at least 0
 * @param eta how fast mu learns, at least 0; 0 leaves it at 2 tau
 */
public record MirostatV2(double tau, double eta) implements Sampler {
    /** @throws dev.tempera.InvalidParametersException if tau or eta is negative or not finite */
    public MirostatV2 {
        SurpriseControl.require(tau, eta);
    }

    @Override
    public Sampler forSequence(SamplingContext context) {
        return new SurpriseControl(tau, eta, MirostatV2::retain);
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

    private static void retain(Logits logits, double mu) {
        double threshold = logits.logSumExp() - mu * SurpriseControl.LN2;
        if (logits.max() < threshold) {
            logits.retainTop(1, Ties.LOWEST_IDS);
        } else {
            LogitCut.atLeast(logits, threshold, 1, Ties.LOWEST_IDS);
        }
    }
}
