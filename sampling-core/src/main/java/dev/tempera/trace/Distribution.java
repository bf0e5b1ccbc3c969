package dev.tempera.trace;

import dev.tempera.Logits;
import java.util.Arrays;

/** The softmax of some candidates, in double, by token id. Largest logits of +inf share all of it. */
final class Distribution {
    private final float[] logits; // by token id; -inf for those that are gone
    private final double max;
    private final double logSum; // of e^(logit - max)
    private final int kept;
    private final double entropy;

    private Distribution(float[] logits) {
        this.logits = logits;
        float largest = Float.NEGATIVE_INFINITY;
        int alive = 0;
        for (float logit : logits) {
            if (logit > Float.NEGATIVE_INFINITY) {
                alive++;
                largest = Math.max(largest, logit);
            }
        }
        max = largest;
        kept = alive;
        double sum = 0;
        double sumOfGaps = 0;
        for (float logit : logits) {
            double weight = weight(logit);
            if (weight > 0) {
                sum += weight;
                sumOfGaps += weight * gap(logit);
            }
        }
        logSum = Math.log(sum);
        entropy = kept == 0 ? 0 : Math.max(0, logSum + sumOfGaps / sum);
    }

    static Distribution of(Logits candidates) {
        float[] logits = new float[candidates.vocabularySize()];
        Arrays.fill(logits, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < candidates.size(); i++) {
            float logit = candidates.get(i);
            if (logit > Float.NEGATIVE_INFINITY) { // not NaN either
                logits[candidates.tokenId(i)] = logit;
            }
        }
        return new Distribution(logits);
    }

    int rows() {
        return logits.length;
    }

    float logit(int tokenId) {
        return logits[tokenId];
    }

    boolean has(int tokenId) {
        return logits[tokenId] > Float.NEGATIVE_INFINITY;
    }

    /** Below the largest logit; only for a token that is there. */
    double gap(int tokenId) {
        return gap(logits[tokenId]);
    }

    double logProbability(int tokenId) {
        return has(tokenId) ? -gap(tokenId) - logSum : Double.NEGATIVE_INFINITY;
    }

    double probability(int tokenId) {
        return Math.exp(logProbability(tokenId));
    }

    int kept() {
        return kept;
    }

    double entropy() {
        return entropy;
    }

    private double gap(float logit) {
        return logit == max ? 0 : max - logit;
    }

    private double weight(float logit) {
        return logit > Float.NEGATIVE_INFINITY ? Math.exp(-gap(logit)) : 0;
    }
}
