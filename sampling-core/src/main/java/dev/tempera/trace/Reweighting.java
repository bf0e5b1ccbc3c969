package dev.tempera.trace;

import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Texts drawn under one setting, weighed as if drawn under another: importance sampling. The weight of a text is its
 * probability under the other setting over that under its own, so one run at one temperature estimates its neighbours.
 *
 * <p>How far that carries tells {@link #effectiveSampleSize}: so many texts drawn afresh would be worth about as much.
 * What the traced setting cut off has no text to speak for it: trace without top-p to ask about wider settings. A text
 * is weighed as far as it was traced. Immutable and thread-safe.
 */
public final class Reweighting {
    private final List<SamplingTrace> traces;
    private final List<Bounds> logWeights;
    private final String pipeline;

    private Reweighting(List<SamplingTrace> traces, List<Bounds> logWeights, String pipeline) {
        this.traces = traces;
        this.logWeights = logWeights;
        this.pipeline = pipeline;
    }

    /** As {@link #of(List, SamplingPipeline)}, to what the parameters compile to. */
    public static Reweighting of(List<SamplingTrace> traces, SamplingParameters parameters, Dialect dialect) {
        return of(traces, parameters.toPipeline(dialect));
    }

    /**
     * @param traces of texts drawn independently of each other
     * @param pipeline the other setting
     * @throws InvalidParametersException if there is no trace, one does not have what a stage needs, or no text can come
     *     under the other setting
     */
    public static Reweighting of(List<SamplingTrace> traces, SamplingPipeline pipeline) {
        if (traces.isEmpty()) {
            throw new InvalidParametersException("traces must hold at least one, got none");
        }
        List<Bounds> weights = new ArrayList<>();
        for (SamplingTrace trace : traces) {
            Bounds target = WhatIf.of(trace).under(pipeline).logProbability();
            weights.add(target.plus(Bounds.exactly(-trace.logProbability())));
        }
        if (weights.stream().allMatch(weight -> weight.upper() == Double.NEGATIVE_INFINITY)) {
            throw new InvalidParametersException("none of the " + traces.size() + " texts can come under " + pipeline
                    + ": nothing is left to weigh");
        }
        return new Reweighting(List.copyOf(traces), List.copyOf(weights), pipeline.toString());
    }

    /** ln of each text's weight, in the order of the traces. */
    public List<Bounds> logWeights() {
        return logWeights;
    }

    /** {@code (sum w)^2 / sum w^2}, from 1 to the number of texts, of weights in the middle of their bounds. */
    public double effectiveSampleSize() {
        double[] weights = middle();
        double sum = 0;
        double squares = 0;
        for (double weight : weights) {
            sum += weight;
            squares += weight * weight;
        }
        return sum * sum / squares;
    }

    /** What {@link #effectiveSampleSize} may be as the weights vary within their bounds. */
    public Bounds effectiveSampleSizeBounds() {
        double low = 0;
        double high = 0;
        double squaresLow = 0;
        double squaresHigh = 0;
        for (double[] weight : weights()) {
            low += weight[0];
            high += weight[1];
            squaresLow += weight[0] * weight[0];
            squaresHigh += weight[1] * weight[1];
        }
        int texts = traces.size();
        return new Bounds(
                Math.min(texts, Math.max(1, low * low / squaresHigh)),
                squaresLow == 0 ? texts : Math.min(texts, Math.max(1, high * high / squaresLow)));
    }

    /** The mean of a figure under the other setting: {@code sum w f / sum w}. */
    public double mean(ToDoubleFunction<SamplingTrace> figure) {
        double[] weights = middle();
        double sum = 0;
        double total = 0;
        for (int i = 0; i < weights.length; i++) {
            sum += weights[i] * figure.applyAsDouble(traces.get(i));
            total += weights[i];
        }
        return sum / total;
    }

    /** What {@link #mean} may be as the weights vary within their bounds; not how far chance may have led it. */
    public Bounds meanBounds(ToDoubleFunction<SamplingTrace> figure) {
        double[] figures = traces.stream().mapToDouble(figure).toArray();
        double[][] weights = weights();
        List<Integer> rising = IntStream.range(0, figures.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> figures[i]))
                .toList();
        // A mean is largest when the large figures up to some point weigh most and the others least.
        double lower = Double.POSITIVE_INFINITY;
        double upper = Double.NEGATIVE_INFINITY;
        for (int split = 0; split <= rising.size(); split++) {
            double[] sums = new double[4];
            for (int k = 0; k < rising.size(); k++) {
                int i = rising.get(k);
                double small = weights[i][k < split ? 1 : 0];
                double large = weights[i][k < split ? 0 : 1];
                sums[0] += small * figures[i];
                sums[1] += small;
                sums[2] += large * figures[i];
                sums[3] += large;
            }
            lower = sums[1] > 0 ? Math.min(lower, sums[0] / sums[1]) : lower;
            upper = sums[3] > 0 ? Math.max(upper, sums[2] / sums[3]) : upper;
        }
        return new Bounds(Math.min(lower, upper), Math.max(lower, upper));
    }

    private double[] middle() {
        double most = most();
        return logWeights.stream()
                .mapToDouble(weight -> Math.exp(weight.logMiddle() - most))
                .toArray();
    }

    private double[][] weights() {
        double most = most();
        return logWeights.stream()
                .map(weight -> new double[] {Math.exp(weight.lower() - most), Math.exp(weight.upper() - most)})
                .toArray(double[][]::new);
    }

    private double most() {
        return logWeights.stream().mapToDouble(Bounds::upper).max().orElseThrow();
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT, "%d texts are worth %.1f under %s", traces.size(), effectiveSampleSize(), pipeline);
    }
}
