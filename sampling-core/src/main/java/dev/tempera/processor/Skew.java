package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;

/**
 * Bends the draw towards the unlikely (skew above 0) or the likely (below). With F the running sum of the probabilities
 * by falling probability, {@code p_j} becomes {@code F_j^a - F_(j-1)^a}, {@code a = e^skew}.
 *
 * <p>Source: exllamav2's {@code skew}, which raises the random number of the draw to the power {@code e^-skew} and
 * looks it up in F; this is the distribution of what it finds, so that every sampler can draw from it. Of equal logits,
 * the lowest id comes first in F, so they do not stay equal. To stand last, after a truncation. A token more than 80
 * below the largest logit becomes -inf; if the largest is +inf, those that are share the probability. Immutable and
 * thread-safe. Sorts in O(size), and takes four exponentials or logarithms a candidate: milliseconds over a whole
 * vocabulary. No allocation per token on a sequence.
 *
 * @param skew in [-10, 10]; 0 changes nothing
 */
public record Skew(double skew) implements LogitsProcessor {
    /** @throws dev.tempera.InvalidParametersException if skew is outside [-10, 10] */
    public Skew {
        Require.that(skew >= -10 && skew <= 10, "skew", "be in [-10, 10]", skew);
    }

    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        Bend bend = new Bend(skew);
        return (logits, ignored) -> bend.apply(logits);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        new Bend(skew).apply(logits);
    }

    private static final class Bend {
        private final double power;
        private final FallingOrder order = new FallingOrder();
        private double[] weights = new double[0];

        Bend(double skew) {
            power = StrictMath.exp(skew);
        }

        void apply(Logits logits) {
            if (power == 1 || logits.max() == Float.NEGATIVE_INFINITY) {
                return;
            }
            if (weights.length < logits.size()) {
                weights = new double[logits.size()];
            }
            logits.weights(weights);
            int n = order.sort(logits);
            double total = 0;
            for (int rank = 0; rank < n; rank++) {
                total += weights[order.position(rank)];
            }
            double sum = 0;
            for (int rank = 0; rank < n; rank++) {
                int position = order.position(rank);
                sum += weights[position];
                // F_j^a - F_(j-1)^a is F_j^a (1 - (1 - p_j / F_j)^a): no difference of nearly equal numbers.
                double share = -StrictMath.expm1(power * StrictMath.log1p(-weights[position] / sum));
                logits.set(position, (float) (power * StrictMath.log(sum / total) + StrictMath.log(share)));
            }
        }
    }
}
