package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;

/**
 * Divides every logit by the temperature T: {@code p_i = exp(z_i / T) / sum_j exp(z_j / T)}. Below 1 the distribution
 * sharpens, above 1 it flattens; 1 changes nothing. The division is in float, as in vLLM and transformers.
 *
 * <p>Zero is not a temperature: greedy decoding is {@link dev.tempera.Sampler#GREEDY}. Immutable and thread-safe.
 * O(size), no allocation.
 *
 * @param value greater than 0, finite
 */
public record Temperature(double value) implements LogitsProcessor {
    /** Below this the quotients could overflow, and the smallest gap between two floats already decides. */
    private static final double COLD = 1e-20;

    /** @throws dev.tempera.InvalidParametersException if the value is not a finite number greater than 0 */
    public Temperature {
        Require.that(
                value > 0 && value <= Float.MAX_VALUE && (float) value > 0,
                "temperature",
                "be a finite number greater than 0",
                value);
    }

    /** Whether it is so cold that only the largest logits stay. */
    public boolean isCold() {
        return value < COLD;
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        divide(logits, value);
    }

    static void divide(Logits logits, double temperature) {
        if (temperature < COLD) {
            logits.retainAtLeast(logits.max());
        } else if (temperature != 1) {
            logits.divide((float) temperature);
        }
    }
}
