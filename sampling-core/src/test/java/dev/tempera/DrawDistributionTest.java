package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tempera.processor.AdaptiveP;
import dev.tempera.processor.DynamicTemperature;
import dev.tempera.processor.FrequencyPenalty;
import dev.tempera.processor.GumbelMax;
import dev.tempera.processor.MinP;
import dev.tempera.processor.Mirostat;
import dev.tempera.processor.MirostatV2;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.QuadraticSmoothing;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopNSigma;
import dev.tempera.processor.TopP;
import dev.tempera.processor.TypicalP;
import dev.tempera.processor.Xtc;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import org.junit.jupiter.api.Test;

/** What is drawn, a million times each at consecutive positions, follows the distribution that the pipeline tells. */
class DrawDistributionTest {
    private static final int VOCABULARY = 32;
    private static final int DRAWS = 1_000_000;
    private static final double LEVEL = 0.01;
    /** The text repeats this, so that penalties over its length see the same at every position. */
    private static final int[] TEXT = {2, 5, 5, 9};

    private static final float[] LOGITS = logits();

    @Test
    void tenChains_drawTheirDistribution() {
        TokenScope all = TokenScope.PROMPT_AND_GENERATED;
        Map<String, SamplingPipeline> chains = new TreeMap<>();
        chains.put("temperature", SamplingPipeline.of(new Temperature(0.7)));
        chains.put(
                "penalties",
                SamplingPipeline.of(
                        new RepetitionPenalty(1.3, TEXT.length, all),
                        new FrequencyPenalty(0.4, TEXT.length, all),
                        new PresencePenalty(-0.3, TEXT.length, all),
                        new Temperature(0.9)));
        chains.put("top-k", SamplingPipeline.of(new TopK(8, Ties.LOWEST_IDS), new Temperature(1.3)));
        chains.put("top-p", SamplingPipeline.of(new Temperature(1.5), new TopP(0.8)));
        chains.put("min-p, gumbel", ending(new GumbelMax(), new Temperature(1.2), new MinP(0.05)));
        chains.put("typical", SamplingPipeline.of(new TypicalP(0.85)));
        chains.put(
                "top-n-sigma, dynamic temperature",
                SamplingPipeline.of(new TopNSigma(1.8), new DynamicTemperature(0.5, 2, 1)));
        chains.put("marginalised xtc", SamplingPipeline.of(new Xtc(0.4, 0.08, 1, List.of(), true)));
        chains.put("mirostat", ending(new Mirostat(1.8, 0.1), new QuadraticSmoothing(0.2)));
        chains.put("adaptive-p", ending(new AdaptiveP(0.3, 0.9), new MinP(0.02)));

        Map<String, Double> pValues = new ConcurrentSkipListMap<>();
        chains.entrySet().parallelStream()
                .forEach(chain ->
                        pValues.put(chain.getKey(), ChiSquare.pValue(draw(chain.getValue()), told(chain.getValue()))));

        assertThat(pValues).hasSize(10);
        assertThat(rejected(pValues)).as("%s", pValues).isEmpty();
    }

    @Test
    void coinOfXtc_drawsWhatItsMarginalTells() {
        int[] counts = draw(SamplingPipeline.of(new Xtc(0.4, 0.08)));

        assertThat(ChiSquare.pValue(counts, told(SamplingPipeline.of(new Xtc(0.4, 0.08, 1, List.of(), true)))))
                .isGreaterThan(LEVEL);
        assertThat(ChiSquare.pValue(counts, told(SamplingPipeline.of(new Xtc(0.41, 0.08, 1, List.of(), true)))))
                .isLessThan(LEVEL / 100);
    }

    @Test
    void mirostatV2_drawsItsDistribution_alsoAfterItHasLearnt() {
        SamplingPipeline pipeline = ending(new MirostatV2(2.5, 1));
        SequenceSampler sequence = pipeline.start(TEXT, Vocabulary.ofRows(VOCABULARY), 6);
        for (int i = 0; i < 12; i++) {
            sequence.sample(LOGITS.clone());
        }
        double[] told = softmax(sequence.distribution(LOGITS.clone()));
        assertThat(told).isNotEqualTo(told(pipeline));
        int[] counts = new int[VOCABULARY];
        for (int i = 0; i < 20_000; i++) {
            counts[sequence.fork(i).sample(LOGITS.clone())]++;
        }

        assertThat(ChiSquare.pValue(counts, told)).isGreaterThan(LEVEL);
        assertThat(ChiSquare.pValue(counts, told(pipeline))).isLessThan(LEVEL / 100);
    }

    /** The test can fail: a hundredth of the temperature, and a cut one token further, are noticed. */
    @Test
    void slightlyOtherDistribution_isRejected() {
        int[] counts = draw(SamplingPipeline.of(new Temperature(0.7)));
        Map<String, Double> pValues = new TreeMap<>();
        pValues.put("the same", ChiSquare.pValue(counts, told(SamplingPipeline.of(new Temperature(0.7)))));
        pValues.put("warmer", ChiSquare.pValue(counts, told(SamplingPipeline.of(new Temperature(0.707)))));
        pValues.put("colder", ChiSquare.pValue(counts, told(SamplingPipeline.of(new Temperature(0.693)))));
        pValues.put(
                "one token less",
                ChiSquare.pValue(
                        counts, told(SamplingPipeline.of(new Temperature(0.7), new TopK(31, Ties.LOWEST_IDS)))));

        assertThat(rejected(pValues)).containsExactly("colder", "one token less", "warmer");
    }

    @Test
    void pValues_areThoseOfTheTables() {
        assertThat(ChiSquare.upperTail(3.841, 1)).isCloseTo(0.05, within(1e-4));
        assertThat(ChiSquare.upperTail(6.635, 1)).isCloseTo(0.01, within(1e-4));
        assertThat(ChiSquare.upperTail(18.307, 10)).isCloseTo(0.05, within(1e-4));
        assertThat(ChiSquare.upperTail(3.940, 10)).isCloseTo(0.95, within(1e-4));
        assertThat(ChiSquare.upperTail(52.191, 31)).isCloseTo(0.01, within(1e-4));
        assertThat(ChiSquare.upperTail(67.505, 50)).isCloseTo(0.05, within(1e-4));
    }

    /** Holm 1979: the smallest p-value against level / m, the next against level / (m - 1), up to the first that holds. */
    private static List<String> rejected(Map<String, Double> pValues) {
        List<String> rising = pValues.entrySet().stream()
                .sorted(Map.Entry.comparingByValue())
                .map(Map.Entry::getKey)
                .toList();
        int count = 0;
        while (count < rising.size() && pValues.get(rising.get(count)) <= LEVEL / (rising.size() - count)) {
            count++;
        }
        return rising.subList(0, count).stream().sorted().toList();
    }

    private static SamplingPipeline ending(Sampler sampler, LogitsProcessor... processors) {
        SamplingPipeline.Builder builder = SamplingPipeline.builder().sampler(sampler);
        for (LogitsProcessor processor : processors) {
            builder.add(processor);
        }
        return builder.build();
    }

    /** Counts of the tokens drawn. Not they but the text goes on in the history, so that all draws are of one distribution. */
    private static int[] draw(SamplingPipeline pipeline) {
        SequenceSampler sequence = pipeline.start(TEXT, Vocabulary.ofRows(VOCABULARY), 20261123);
        Sampler sampler = pipeline.sampler().forSequence(sequence.context());
        float[] logits = new float[VOCABULARY];
        int[] counts = new int[VOCABULARY];
        for (int draw = 0; draw < DRAWS; draw++) {
            System.arraycopy(LOGITS, 0, logits, 0, VOCABULARY);
            counts[sampler.sample(sequence.process(logits), sequence.context())]++;
            sequence.accept(TEXT[draw % TEXT.length]);
        }
        return counts;
    }

    private static double[] told(SamplingPipeline pipeline) {
        return softmax(pipeline.start(TEXT, Vocabulary.ofRows(VOCABULARY), 1).distribution(LOGITS.clone()));
    }

    private static double[] softmax(Logits logits) {
        double[] weights = new double[VOCABULARY];
        double sum = 0;
        for (int i = 0; i < logits.size(); i++) {
            weights[logits.tokenId(i)] = StrictMath.exp((double) logits.get(i) - logits.max());
            sum += weights[logits.tokenId(i)];
        }
        for (int i = 0; i < weights.length; i++) {
            weights[i] /= sum;
        }
        return weights;
    }

    private static float[] logits() {
        Random random = new Random(8);
        float[] logits = new float[VOCABULARY];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) random.nextGaussian() * 1.5f;
        }
        return logits;
    }
}
