package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.NaiveSampling.Candidate;
import dev.tempera.processor.AdaptiveP;
import dev.tempera.processor.GumbelMax;
import dev.tempera.processor.Mirostat;
import dev.tempera.processor.MirostatV2;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Selectors that learn keep, over many steps, what their formulas say, taken literally: sorted lists, in double. */
class SelectorOracleTest {
    private static final int STEPS = 12;

    @ParameterizedTest
    @EnumSource
    void mirostatV2(RandomLogits kind) {
        for (int seed = 0; seed < 5; seed++) {
            Random random = new Random(seed);
            double tau = random.nextDouble() * 6;
            double eta = random.nextDouble();
            double[] mu = {2 * tau};
            follow(
                    new MirostatV2(tau, eta),
                    kind,
                    random,
                    (sorted, size) -> {
                        List<Candidate> kept = new ArrayList<>(sorted);
                        List<Double> p = probabilities(sorted);
                        int first = 1;
                        while (first < sorted.size() && -log2(p.get(first)) <= mu[0]) {
                            first++;
                        }
                        return kept.subList(0, first);
                    },
                    p -> mu[0] -= eta * (-log2(p) - tau));
        }
    }

    @ParameterizedTest
    @EnumSource
    void mirostat(RandomLogits kind) {
        for (int seed = 0; seed < 5; seed++) {
            Random random = new Random(seed);
            double tau = random.nextDouble() * 6;
            double eta = random.nextDouble();
            int m = 2 + random.nextInt(120);
            double[] mu = {2 * tau};
            follow(
                    new Mirostat(tau, eta, m),
                    kind,
                    random,
                    (sorted, size) -> {
                        if (sorted.size() == 1) {
                            return sorted;
                        }
                        double tb = 0;
                        double tt = 0;
                        for (int i = 0; i < m - 1 && i < sorted.size() - 1; i++) {
                            double t = StrictMath.log((i + 2.0) / (i + 1));
                            tb += t
                                    * ((double) sorted.get(i).logit()
                                            - sorted.get(i + 1).logit());
                            tt += t * t;
                        }
                        double s = tb / tt;
                        double k = StrictMath.pow(
                                (s - 1) * StrictMath.pow(2, mu[0]) / (1 - StrictMath.pow(size, 1 - s)), 1 / s);
                        return sorted.subList(0, (int) Math.min(sorted.size(), Math.max(1, Math.floor(k))));
                    },
                    p -> mu[0] -= eta * (-log2(p) - tau));
        }
    }

    @FunctionalInterface
    private interface Keeps {
        List<Candidate> of(List<Candidate> sorted, int vocabularySize);
    }

    @FunctionalInterface
    private interface Learns {
        void from(double probabilityAmongThoseKept);
    }

    private static void follow(Sampler sampler, RandomLogits kind, Random random, Keeps keeps, Learns learns) {
        int size = random.nextInt(8) == 0 ? 6000 : 2 + random.nextInt(400);
        SequenceSampler sequence =
                SamplingPipeline.builder().sampler(sampler).build().start(new int[0], Vocabulary.ofRows(size), 5);
        for (int step = 0; step < STEPS; step++) {
            float[] logits = kind.of(size, random);
            List<Candidate> kept = keeps.of(sorted(logits), size);
            Logits shaped = sequence.distribution(logits.clone());
            assertThat(alive(shaped))
                    .as("%s over %s, step %d", sampler, kind, step)
                    .isEqualTo(kept.stream().map(Candidate::tokenId).sorted().toList());
            int drawn = sequence.sample(logits);
            Candidate candidate =
                    kept.stream().filter(c -> c.tokenId() == drawn).findAny().orElseThrow();
            learns.from(probabilities(kept).get(kept.indexOf(candidate)));
        }
    }

    @ParameterizedTest
    @EnumSource
    void adaptiveP(RandomLogits kind) {
        for (int seed = 0; seed < 5; seed++) {
            Random random = new Random(seed);
            double target = random.nextDouble();
            double decay = random.nextDouble() * 0.99;
            int size = random.nextInt(8) == 0 ? 6000 : 2 + random.nextInt(400);
            SequenceSampler sequence = SamplingPipeline.builder()
                    .sampler(new AdaptiveP(target, decay))
                    .build()
                    .start(new int[0], Vocabulary.ofRows(size), 5);
            double weightedSum = target / (1 - decay);
            double totalWeight = 1 / (1 - decay);
            for (int step = 0; step < STEPS; step++) {
                float[] logits = kind.of(size, random);
                List<Candidate> sorted = sorted(logits);
                List<Double> p = probabilities(sorted);
                double wanted = Math.min(1, Math.max(0, 2 * target - weightedSum / totalWeight));
                Logits shaped = sequence.distribution(logits.clone());
                TreeMap<Integer, Double> byToken = new TreeMap<>();
                double worst = 0;
                for (int i = 0; i < sorted.size(); i++) {
                    double d = Math.abs((p.get(i) - wanted) / 0.3);
                    int tokenId = sorted.get(i).tokenId();
                    byToken.put(tokenId, p.get(i));
                    double difference = shaped.ofToken(tokenId) - (5 - 10 * d * d / (1 + d));
                    worst = Math.max(worst, Math.abs(difference));
                }
                assertThat(worst).as("step %d", step).isLessThan(1e-5);
                assertThat(alive(shaped)).isEqualTo(List.copyOf(byToken.keySet()));
                weightedSum = byToken.get(sequence.sample(logits)) + decay * weightedSum;
                totalWeight = 1 + decay * totalWeight;
            }
        }
    }

    @Test
    void gumbelMax_adds_noiseOfTheTokenToEachLogit() {
        Random random = new Random(3);
        for (int seed = 0; seed < 200; seed++) {
            float[] logits = RandomLogits.FLAT.of(50, random);
            SequenceSampler sequence = SamplingPipeline.builder()
                    .sampler(new GumbelMax())
                    .build()
                    .start(new int[] {1, 2}, Vocabulary.ofRows(50), seed);
            int best = 0;
            double bestScore = Double.NEGATIVE_INFINITY;
            for (int id = 0; id < 50; id++) {
                double u = CounterRandom.uniform(
                        seed, 2 + ((long) id << 32), RandomPurpose.of("gumbel").key());
                double score = logits[id] - Math.log(-Math.log(u));
                if (score > bestScore) {
                    bestScore = score;
                    best = id;
                }
            }
            assertThat(sequence.sample(logits)).as("seed %d", seed).isEqualTo(best);
        }
    }

    @Test
    void gumbelMax_oneSeedUnderTwoTemperatures_agreesMoreOftenThanIndependentDraws() {
        int agreed = 0;
        int agreedByInverse = 0;
        Random random = new Random(4);
        for (int seed = 0; seed < 2000; seed++) {
            float[] logits = RandomLogits.FLAT.of(200, random);
            float[] warmer = logits.clone();
            for (int i = 0; i < warmer.length; i++) {
                warmer[i] /= 1.1f;
            }
            agreed += draw(new GumbelMax(), logits, seed) == draw(new GumbelMax(), warmer, seed) ? 1 : 0;
            agreedByInverse +=
                    draw(Sampler.CATEGORICAL, logits, seed) == draw(Sampler.CATEGORICAL, warmer, seed + 5000) ? 1 : 0;
        }
        assertThat(agreed).isGreaterThan(1600);
        assertThat(agreedByInverse).isLessThan(600);
    }

    @Test
    void gumbelMax_infiniteLogits_shareTheDraw() {
        float infinite = Float.POSITIVE_INFINITY;
        int[] drawn = new int[4];
        for (int seed = 0; seed < 1000; seed++) {
            drawn[draw(new GumbelMax(), new float[] {99, infinite, Float.NaN, infinite}, seed)]++;
        }
        assertThat(drawn[1]).isBetween(430, 570);
        assertThat(drawn[1] + drawn[3]).isEqualTo(1000);
    }

    private static int draw(Sampler sampler, float[] logits, long seed) {
        return SamplingPipeline.builder()
                .sampler(sampler)
                .build()
                .start(new int[0], Vocabulary.ofRows(logits.length), seed)
                .sample(logits.clone());
    }

    @Test
    void forcedToken_teachesNothing() {
        float[] logits = {3, 2, 1, 0};
        for (Sampler sampler : List.of(new Mirostat(1, 0.5), new MirostatV2(1, 0.5), new AdaptiveP(0.4, 0.5))) {
            SamplingPipeline pipeline =
                    SamplingPipeline.builder().sampler(sampler).build();
            SequenceSampler sequence = pipeline.start(new int[0], Vocabulary.ofRows(4), 1);
            List<Float> before = values(sequence.distribution(logits.clone()));
            sequence.accept(3);
            assertThat(values(sequence.distribution(logits.clone())))
                    .as("%s", sampler)
                    .isEqualTo(before);
        }
    }

    @Test
    void infiniteLogit_isDrawn_andTeachesNothingThatIsNoNumber() {
        float[] infinite = {0, Float.POSITIVE_INFINITY, 1, 2};
        for (Sampler sampler : List.of(new Mirostat(1, 0.5), new MirostatV2(1, 0.5), new GumbelMax())) {
            SamplingPipeline pipeline =
                    SamplingPipeline.builder().sampler(sampler).build();
            SequenceSampler sequence = pipeline.start(new int[0], Vocabulary.ofRows(4), 1);
            assertThat(sequence.sample(infinite.clone())).as("%s", sampler).isEqualTo(1);
            assertThat(alive(sequence.distribution(new float[] {9, 0, 0, 0}))).contains(0);
        }
    }

    @Test
    void everythingMasked_isAnErrorOfTheStep() {
        float[] none = {Float.NEGATIVE_INFINITY, Float.NaN};
        for (Sampler sampler :
                List.of(new Mirostat(1, 0.5), new MirostatV2(1, 0.5), new AdaptiveP(0.4, 0.5), new GumbelMax())) {
            SequenceSampler sequence =
                    SamplingPipeline.builder().sampler(sampler).build().start(new int[0], Vocabulary.ofRows(2), 1);
            org.assertj.core.api.Assertions.assertThatThrownBy(() -> sequence.sample(none.clone()))
                    .as("%s", sampler)
                    .isInstanceOf(InvalidLogitsException.class)
                    .hasMessageStartingWith("step 0: none of the 2 logits is a number above -inf");
        }
    }

    private static List<Float> values(Logits logits) {
        List<Float> values = new ArrayList<>();
        for (int i = 0; i < logits.size(); i++) {
            values.add(logits.get(i));
        }
        return values;
    }

    private static List<Candidate> sorted(float[] logits) {
        return new NaiveSampling(logits)
                .candidates().stream()
                        .filter(c -> c.logit() > Float.NEGATIVE_INFINITY)
                        .sorted(Comparator.comparingDouble((Candidate c) -> -(double) c.logit() + 0.0)
                                .thenComparingInt(Candidate::tokenId))
                        .toList();
    }

    private static List<Double> probabilities(List<Candidate> sorted) {
        float max = sorted.get(0).logit();
        double sum = sorted.stream()
                .mapToDouble(c -> StrictMath.exp((double) c.logit() - max))
                .sum();
        return sorted.stream()
                .map(c -> StrictMath.exp((double) c.logit() - max) / sum)
                .toList();
    }

    private static double log2(double x) {
        return StrictMath.log(x) / StrictMath.log(2);
    }

    private static List<Integer> alive(Logits logits) {
        List<Integer> alive = new ArrayList<>();
        for (int i = 0; i < logits.size(); i++) {
            if (logits.get(i) > Float.NEGATIVE_INFINITY) {
                alive.add(logits.tokenId(i));
            }
        }
        return alive;
    }
}
