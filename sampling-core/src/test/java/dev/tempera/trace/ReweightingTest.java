package dev.tempera.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import dev.tempera.processor.AllowedTokens;
import dev.tempera.processor.Temperature;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;

/** One temperature estimating its neighbours, against naive sums and against the neighbour itself. */
class ReweightingTest {
    private static final int ROWS = 200;
    private static final SamplingPipeline ONE = SamplingPipeline.of(new Temperature(1));

    private static float[] logits(int position) {
        return TracerTest.gaussian(ROWS, 2, new Random(position));
    }

    private static List<SamplingTrace> texts(SamplingPipeline pipeline, int texts, int tokens) {
        List<SamplingTrace> traces = new ArrayList<>();
        for (int seed = 0; seed < texts; seed++) {
            SequenceSampler sampler = pipeline.start(new int[] {0}, Vocabulary.ofRows(ROWS), seed);
            Tracer tracer = Tracer.builder().build();
            for (int i = 0; i < tokens; i++) {
                sampler.sample(logits(i), tracer);
            }
            traces.add(tracer.trace());
        }
        return traces;
    }

    /** By the full logits. */
    private static double weight(SamplingTrace trace, double from, double to) {
        double weight = 1;
        for (TraceStep step : trace.steps()) {
            weight *= probability(step, to) / probability(step, from);
        }
        return weight;
    }

    private static double probability(TraceStep step, double temperature) {
        double sum = 0;
        for (float logit : logits(step.position())) {
            sum += Math.exp((logit - step.logit()) / temperature);
        }
        return 1 / sum;
    }

    @Test
    void effectiveSampleSize_isTheNaiveOne() {
        List<SamplingTrace> traces = texts(ONE, 300, 3);
        for (double temperature : new double[] {0.7, 0.9, 1.1, 1.5}) {
            Reweighting reweighting = Reweighting.of(traces, SamplingPipeline.of(new Temperature(temperature)));
            double sum = 0;
            double squares = 0;
            for (int i = 0; i < traces.size(); i++) {
                double weight = weight(traces.get(i), 1, temperature);
                sum += weight;
                squares += weight * weight;
                assertThat(Math.log(weight))
                        .isBetween(
                                reweighting.logWeights().get(i).lower() - 1e-5,
                                reweighting.logWeights().get(i).upper() + 1e-5);
            }
            double naive = sum * sum / squares;
            assertThat(reweighting.effectiveSampleSize()).isCloseTo(naive, within(0.01 * naive));
            assertThat(reweighting.effectiveSampleSizeBounds().contains(naive)).isTrue();
        }
    }

    @Test
    void ownSetting_keepsEveryText() {
        Reweighting same = Reweighting.of(texts(ONE, 50, 3), ONE);
        assertThat(same.effectiveSampleSize()).isCloseTo(50, within(1e-3));
        assertThat(same.toString()).startsWith("50 texts are worth 50.0 under logits -> ");
    }

    @Test
    void effectiveSampleSize_fallsWithDistanceAndLength() {
        List<SamplingTrace> shortTexts = texts(ONE, 200, 2);
        List<SamplingTrace> longTexts = texts(ONE, 200, 8);
        SamplingPipeline near = SamplingPipeline.of(new Temperature(0.9));
        SamplingPipeline far = SamplingPipeline.of(new Temperature(0.6));
        double close = Reweighting.of(shortTexts, near).effectiveSampleSize();
        assertThat(close).isGreaterThan(Reweighting.of(shortTexts, far).effectiveSampleSize());
        assertThat(close).isGreaterThan(Reweighting.of(longTexts, near).effectiveSampleSize());
    }

    @Test
    void mean_estimatesTheNeighbour() {
        ToDoubleFunction<SamplingTrace> rank = trace ->
                trace.steps().stream().mapToInt(TraceStep::rank).average().orElseThrow();
        Reweighting reweighting = Reweighting.of(texts(ONE, 3000, 2), SamplingPipeline.of(new Temperature(0.8)));
        double truth = 0;
        for (int position = 0; position < 2; position++) {
            truth += meanRank(logits(position), 0.8) / 2;
        }
        assertThat(reweighting.mean(rank)).isCloseTo(truth, within(0.1 * truth));
        assertThat(reweighting.meanBounds(rank).contains(reweighting.mean(rank)))
                .isTrue();
        assertThat(reweighting.meanBounds(rank).width()).isLessThan(0.05 * truth);
    }

    private static double meanRank(float[] logits, double temperature) {
        double sum = 0;
        double mean = 0;
        for (float logit : logits) {
            double weight = Math.exp(logit / temperature);
            int rank = 1;
            for (float other : logits) {
                rank += other > logit ? 1 : 0;
            }
            sum += weight;
            mean += weight * rank;
        }
        return mean / sum;
    }

    @Test
    void meanBounds_holdEveryChoiceOfWeights() {
        List<SamplingTrace> traces = texts(ONE, 12, 1);
        Reweighting reweighting = Reweighting.of(traces, SamplingPipeline.of(new Temperature(2)));
        ToDoubleFunction<SamplingTrace> figure = trace -> trace.steps().get(0).tokenId();
        Random random = new Random(4);
        for (int i = 0; i < 200; i++) {
            double sum = 0;
            double total = 0;
            for (int j = 0; j < traces.size(); j++) {
                Bounds weight = reweighting.logWeights().get(j).exp();
                double chosen = random.nextBoolean() ? weight.lower() : weight.upper();
                sum += chosen * figure.applyAsDouble(traces.get(j));
                total += chosen;
            }
            Bounds bounds = reweighting.meanBounds(figure);
            assertThat(sum / total).isBetween(bounds.lower() - 1e-9, bounds.upper() + 1e-9);
        }
    }

    @Test
    void parameters_compileInTheirDialect() {
        List<SamplingTrace> traces = texts(ONE, 5, 2);
        SamplingParameters parameters =
                SamplingParameters.builder().temperature(0.9).build();
        assertThat(Reweighting.of(traces, parameters, Dialect.VLLM).logWeights())
                .isEqualTo(Reweighting.of(traces, parameters.toPipeline()).logWeights());
    }

    @Test
    void nothingToWeigh_isRefused() {
        assertThatThrownBy(() -> Reweighting.of(List.of(), ONE))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("traces must hold at least one, got none");
        List<SamplingTrace> traces = texts(ONE, 3, 1);
        int unseen = 0;
        while (true) {
            int id = unseen;
            if (traces.stream().noneMatch(trace -> trace.steps().get(0).tokenId() == id)) {
                break;
            }
            unseen++;
        }
        SamplingPipeline only = SamplingPipeline.of(new AllowedTokens(List.of(unseen)));
        assertThatThrownBy(() -> Reweighting.of(traces, only))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessageContaining("of the 3 texts can come under")
                .hasMessageEndingWith("nothing is left to weigh");
    }
}
