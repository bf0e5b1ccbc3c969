package dev.tempera.vllm;

import dev.tempera.LogitsProcessor;
import dev.tempera.Sampler;
import dev.tempera.SamplingPipeline;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import java.util.Arrays;

/**
 * How the server draws tokens ahead. Any distribution p will do for what is kept to follow the processors' q, if p is
 * known exactly; the nearer it is to q, the more is kept. So p is the model's own distribution at the pipeline's
 * temperature, cut to the likeliest tokens, all of which are listed: what is not listed would be lost in any case. At
 * temperature 0 the likeliest token is drawn.
 *
 * @param temperature 0 or from 0.01 to 2
 * @param topK how many tokens are drawn from, fewer than are listed; 0 for all
 */
record Draft(double temperature, int topK) {
    /** One step: what is drawn does not matter. */
    static final Draft LIKELIEST = new Draft(0, 0);

    /** The model's own distribution. */
    static final Draft RAW = new Draft(1, 0);

    /**
     * The draft for a pipeline.
     *
     * @param candidates how many tokens are listed
     * @param raw whether the server's log-probabilities are those before temperature and top_k
     */
    static Draft of(SamplingPipeline pipeline, int candidates, boolean raw) {
        if (pipeline.sampler() == Sampler.GREEDY) {
            return LIKELIEST;
        }
        if (!raw || candidates < 2) {
            return RAW;
        }
        double temperature = 1;
        int k = candidates - 1;
        for (LogitsProcessor processor : pipeline.processors()) {
            if (processor instanceof Temperature t) {
                temperature *= t.value();
            } else if (processor instanceof TopK topK) {
                k = Math.min(k, topK.k());
            }
        }
        return new Draft(Math.max(0.01, Math.min(2, temperature)), k);
    }

    /** The probability of every listed token of a step; 0 for those that are not drawn from. */
    double[] probabilities(Steps.Step step) {
        float[] values = step.values();
        double[] p = new double[values.length];
        if (temperature == 0) {
            int drawn = Arrays.binarySearch(step.tokenIds(), step.drawn());
            if (drawn >= 0) {
                p[drawn] = 1;
            }
            return p;
        }
        if (topK == 0) {
            for (int i = 0; i < p.length; i++) {
                p[i] = Math.exp(values[i] / temperature); // log-probabilities at temperature 1: nothing to normalise
            }
            return p;
        }
        float[] sorted = values.clone();
        Arrays.sort(sorted);
        float largest = sorted[sorted.length - 1];
        float least = sorted[Math.max(0, sorted.length - topK)];
        double sum = 0;
        for (int i = 0; i < p.length; i++) {
            p[i] = values[i] >= least
                    ? Math.exp((values[i] - largest) / temperature)
                    : 0; // ties stay, as on the server
            sum += p[i];
        }
        for (int i = 0; i < p.length; i++) {
            p[i] /= sum;
        }
        return p;
    }
}
