package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.RandomPurpose;
import dev.tempera.Sampler;
import dev.tempera.SamplingContext;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Adaptive-p on one sequence. */
final class ProbabilityControl implements Sampler {
    private static final double WIDTH = 0.3;
    private static final double PEAK = 5;
    private static final double SHARPNESS = 10;

    private static final int NONE = -1;

    private final double target;
    private final double decay;
    private double mean;
    // Between sample and accept alone: what accept will learn from.
    private int drawn = NONE;
    private double probability;
    private double[] weights = new double[0];
    private double weightSum;

    ProbabilityControl(double target, double decay) {
        this.target = target;
        this.decay = decay;
        mean = target;
    }

    @Override
    public int sample(Logits logits, SamplingContext context) {
        shape(logits, context);
        drawn = logits.draw(context.uniform(RandomPurpose.DRAW));
        probability = weights[position(logits, drawn)] / weightSum;
        return drawn;
    }

    @Override
    public void shape(Logits logits, SamplingContext context) {
        if (logits.max() == Float.NEGATIVE_INFINITY) {
            return; // the draw says what is wrong
        }
        if (weights.length < logits.size()) {
            weights = new double[logits.size()];
        }
        logits.weights(weights);
        weightSum = logits.weightSum();
        double wanted = Math.min(1, Math.max(0, 2 * target - mean));
        float[] values = logits.values();
        for (int i = 0; i < logits.size(); i++) {
            if (values[i] > Float.NEGATIVE_INFINITY) {
                double distance = Math.abs(weights[i] / weightSum - wanted) / WIDTH;
                values[i] = (float) (PEAK - SHARPNESS * distance * distance / (1 + distance));
            }
        }
    }

    /** Ids ascend. */
    private static int position(Logits logits, int tokenId) {
        int low = 0;
        int high = logits.size() - 1;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (logits.tokenId(middle) < tokenId) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    @Override
    public void accept(int tokenId, SamplingContext context) {
        if (tokenId == drawn) {
            mean = decay * mean + (1 - decay) * probability;
        }
        drawn = NONE;
    }

    @Override
    public Object snapshot() {
        return mean;
    }

    @Override
    public void restore(@Nullable Object snapshot) {
        mean = (Double) Objects.requireNonNull(snapshot);
        drawn = NONE;
    }
}
