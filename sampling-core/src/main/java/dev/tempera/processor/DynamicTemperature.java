package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.Ties;

/**
 * A temperature that rises with the uncertainty of the model: {@code T = low + (high - low) (H / ln n)^exponent}, with
 * the entropy {@code H = -sum p ln p} and n the number of candidates; then {@code logit / T}. T is {@code low} when one
 * token is certain and {@code high} when all are equally likely.
 *
 * <p>Source: llama.cpp's {@code temp_ext}, which this matches: with its temp and delta, {@code low = max(0, temp -
 * delta)} and {@code high = temp + delta}. A lone candidate is left as it is; T = 0 keeps the most probable token, the
 * lowest id on a tie. What n counts differs: text-generation-webui counts those above -inf, llama.cpp those that no
 * truncation has removed, banned ones included, so that a ban makes its T smaller. Immutable and thread-safe. O(size)
 * with the weights of the softmax, no allocation.
 *
 * @param low at least 0
 * @param high finite, at least {@code low}
 * @param exponent finite, at least 0; 1 is linear
 * @param countMasked whether n counts candidates at -inf, as llama.cpp
 */
public record DynamicTemperature(double low, double high, double exponent, boolean countMasked)
        implements LogitsProcessor {
    /**
     * @throws dev.tempera.InvalidParametersException if the temperatures are negative, not finite or out of order, or the
     *     exponent is negative or not finite
     */
    public DynamicTemperature {
        Require.that(low >= 0 && low <= Float.MAX_VALUE, "low", "be a finite temperature of at least 0", low);
        Require.that(
                high >= low && high <= Float.MAX_VALUE,
                "high",
                "be a finite temperature of at least low (" + low + ")",
                high);
        Require.that(
                exponent >= 0 && exponent <= Float.MAX_VALUE, "exponent", "be a finite number of at least 0", exponent);
    }

    /** n counts what may still be drawn. */
    public DynamicTemperature(double low, double high, double exponent) {
        this(low, high, exponent, false);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        int n = countMasked ? logits.size() : countAboveMinusInfinity(logits);
        if (n < 2 || logits.max() == Float.NEGATIVE_INFINITY) {
            return;
        }
        double uncertainty = Math.min(1, logits.entropy() / StrictMath.log(n));
        double temperature = low + (high - low) * power(uncertainty, exponent);
        if (temperature > 0) {
            Temperature.divide(logits, temperature);
        } else {
            logits.retainTop(1, Ties.LOWEST_IDS);
        }
    }

    /** StrictMath.pow allocates. */
    private static double power(double base, double exponent) {
        return exponent == 1 ? base : exponent == 0 ? 1 : StrictMath.exp(exponent * StrictMath.log(base));
    }

    private static int countAboveMinusInfinity(Logits logits) {
        int count = 0;
        for (int i = 0; i < logits.size(); i++) {
            if (logits.get(i) > Float.NEGATIVE_INFINITY) {
                count++;
            }
        }
        return count;
    }
}
