package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.RandomPurpose;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import java.util.List;

/**
 * Exclude top choices: with the given probability, removes all tokens with {@code p_i >= threshold} but the least
 * likely of them. Makes a text less predictable and keeps the tail out.
 *
 * <p>Source: P. E. Weidmann 2024, text-generation-webui pull request 6335. Nothing happens if fewer than two tokens
 * reach the threshold (so none above 0.5 does anything), if fewer than {@code minKeep} would be left (llama.cpp), or if
 * a protected token would go (text-generation-webui: newline and end of text). Of equals, the one with the highest id
 * is the least likely. The coin is {@code context.uniform} for the purpose {@code "xtc"}, below probability.
 *
 * <p>{@code marginalised} spares the coin, as exllamav2 does, and gives the distribution over both of its sides at
 * once: with M the mass that would be removed, p becomes {@code p (1 - probability)} for what would go and
 * {@code p (1 - probability + probability / (1 - M))} for what would stay, by lowering the logits of the former. The
 * draw then follows the same law, exactly if this is the last processor; one after it would see the mixture, not its
 * sides. Logits of +inf cannot be lowered and stay. Immutable and thread-safe. One exponential a token, no allocation.
 *
 * @param probability in [0, 1]; 0 changes nothing
 * @param threshold in [0, 1]
 * @param minKeep at least 1
 * @param protectedTokenIds tokens that are not to be removed
 */
public record Xtc(
        double probability, double threshold, int minKeep, List<Integer> protectedTokenIds, boolean marginalised)
        implements LogitsProcessor {
    private static final RandomPurpose COIN = RandomPurpose.of("xtc");

    /** @throws dev.tempera.InvalidParametersException if a value is outside its range */
    public Xtc {
        Require.that(probability >= 0 && probability <= 1, "xtc_probability", "be in [0, 1]", probability);
        Require.that(threshold >= 0 && threshold <= 1, "xtc_threshold", "be in [0, 1]", threshold);
        Require.that(minKeep >= 1, "min_keep", "be at least 1", minKeep);
        protectedTokenIds = List.copyOf(protectedTokenIds);
        for (int tokenId : protectedTokenIds) {
            Require.that(tokenId >= 0, "protected_token_ids", "hold token ids of at least 0", tokenId);
        }
    }

    /** With the coin, without protected tokens. */
    public Xtc(double probability, double threshold) {
        this(probability, threshold, 1, List.of(), false);
    }

    /** @throws dev.tempera.InvalidParametersException if a protected id is outside the vocabulary */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int rows = context.vocabulary().rows();
        for (int tokenId : protectedTokenIds) {
            Require.that(tokenId < rows, "protected_token_ids", "hold token ids below " + rows, tokenId);
        }
        Spared spared = new Spared();
        return (logits, current) -> process(logits, current, spared);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        process(logits, context, new Spared());
    }

    private void process(Logits logits, SamplingContext context, Spared spared) {
        if (probability == 0 || !marginalised && context.uniform(COIN) >= probability) {
            return;
        }
        float max = logits.max();
        if (max > Float.NEGATIVE_INFINITY) {
            double sum = logits.weightSum();
            double weight = threshold * sum;
            float cut = weight > 0 ? LogitCut.ceiling(max + StrictMath.log(weight)) : -Float.MAX_VALUE;
            exclude(logits, max, cut, sum, spared);
        }
    }

    private void exclude(Logits logits, float max, float cut, double sum, Spared spared) {
        int alive = 0;
        int reached = 0;
        int least = -1;
        for (int i = 0; i < logits.size(); i++) {
            float logit = logits.get(i);
            if (logit > Float.NEGATIVE_INFINITY) {
                alive++;
            }
            if (logit >= cut) {
                reached++;
                if (least < 0 || logit <= logits.get(least)) {
                    least = i;
                }
            }
        }
        if (reached < 2 || alive - (reached - 1) < minKeep || protects(logits, cut, logits.tokenId(least))) {
            return;
        }
        if (!marginalised || probability == 1) {
            spared.cut = cut;
            spared.least = logits.tokenId(least);
            logits.retainIf(spared);
            return;
        }
        if (max == Float.POSITIVE_INFINITY) {
            return;
        }
        double lowered = lowered(logits, max, cut, least, sum);
        for (int i = 0; i < logits.size(); i++) {
            if (i != least && logits.get(i) >= cut) {
                logits.set(i, (float) (logits.get(i) + lowered));
            }
        }
    }

    private boolean protects(Logits logits, float cut, int least) {
        for (int i = 0; i < protectedTokenIds.size(); i++) {
            int tokenId = protectedTokenIds.get(i);
            if (tokenId != least && logits.ofToken(tokenId) >= cut) {
                return true;
            }
        }
        return false;
    }

    /** ln of what the mixture makes of a token that would go, over what it makes of one that would stay. */
    private double lowered(Logits logits, float max, float cut, int least, double sum) {
        double removed = 0;
        for (int i = 0; i < logits.size(); i++) {
            if (i != least && logits.get(i) >= cut) {
                removed += weight(logits.get(i), max);
            }
        }
        // What stays weighs the least likely token at least; in logarithms, since that may be less than a double holds.
        double logStays = Math.max(StrictMath.log(Math.max(0, sum - removed)), (double) logits.get(least) - max);
        double logSpared = StrictMath.log1p(-probability) + logStays;
        return logSpared - StrictMath.log(StrictMath.exp(logSpared) + probability * sum);
    }

    private static double weight(float logit, float max) {
        return logit == max ? 1 : StrictMath.exp((double) logit - max);
    }

    /** What stays; one object a sequence. */
    private static final class Spared implements Logits.CandidatePredicate {
        private float cut;
        private int least;

        @Override
        public boolean test(int tokenId, float logit) {
            return !(logit >= cut) || tokenId == least;
        }
    }
}
