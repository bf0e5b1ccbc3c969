package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tempera.processor.EpsilonCutoff;
import dev.tempera.processor.EtaCutoff;
import dev.tempera.processor.MinP;
import dev.tempera.processor.PLess;
import dev.tempera.processor.TailFree;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopA;
import dev.tempera.processor.TopH;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopNSigma;
import dev.tempera.processor.TopP;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What holds for every truncation, whatever the logits. Logits that collide, are masked, huge or rounded as bfloat16. */
class TruncationPropertiesTest {
    private static final int SEEDS = 400;
    private static final int[] SIZES = {1, 2, 7, 60, 1000};

    private static LogitsProcessor truncation(Random random) {
        return switch (random.nextInt(11)) {
            case 0 -> new TopK(1 + random.nextInt(20));
            case 1 -> new TopK(1 + random.nextInt(20), Ties.LOWEST_IDS);
            case 2 -> new TopP(random.nextInt(21) / 20.0, 1 + random.nextInt(3));
            case 3 -> new TopA(random.nextDouble(), 1 + random.nextInt(3));
            case 4 -> new TopH(random.nextDouble());
            case 5 -> new TopNSigma(random.nextDouble() * 3, 1 + random.nextInt(3));
            case 6 -> new EpsilonCutoff(random.nextDouble() * 0.2, 1 + random.nextInt(3));
            case 7 -> new EtaCutoff(random.nextDouble() * 0.2, 1 + random.nextInt(3));
            case 8 -> new TailFree(random.nextDouble(), 1 + random.nextInt(3));
            case 9 -> new PLess();
            default -> new MinP(random.nextInt(21) / 20.0, 1 + random.nextInt(3));
        };
    }

    private static float[] logits(Random random) {
        float[] logits = new float[SIZES[random.nextInt(SIZES.length)]];
        float spread = new float[] {0.01f, 1, 8, 1e6f}[random.nextInt(4)];
        int rounding = random.nextInt(3);
        boolean masks = random.nextBoolean();
        for (int i = 0; i < logits.length; i++) {
            float logit = (float) random.nextGaussian() * spread;
            if (rounding == 1) {
                logit = Math.round(logit);
            } else if (rounding == 2) {
                logit = Float.intBitsToFloat(Float.floatToIntBits(logit) & 0xFFFF0000);
            }
            logits[i] = masks && random.nextInt(3) == 0 ? Float.NEGATIVE_INFINITY : logit;
        }
        logits[random.nextInt(logits.length)] = spread;
        return logits;
    }

    private static Logits after(float[] logits, LogitsProcessor... processors) {
        return SamplingPipeline.of(processors)
                .start(new int[0], Vocabulary.ofRows(logits.length), 1)
                .process(logits.clone());
    }

    private static int[] kept(Logits logits) {
        return IntStream.range(0, logits.size())
                .filter(i -> logits.get(i) > Float.NEGATIVE_INFINITY)
                .map(logits::tokenId)
                .toArray();
    }

    private interface Check {
        void run(Random random, float[] logits, LogitsProcessor truncation);
    }

    private static void forAll(Check check) {
        for (long seed = 0; seed < SEEDS; seed++) {
            Random random = new Random(seed);
            float[] logits = logits(random);
            LogitsProcessor truncation = truncation(random);
            try {
                check.run(random, logits, truncation);
            } catch (AssertionError e) {
                throw new AssertionError("seed " + seed + ", " + truncation + ", " + logits.length + " logits", e);
            }
        }
    }

    @Test
    void result_isASubset_withItsLogitsUnchanged_inAscendingIds() {
        forAll((random, logits, truncation) -> {
            Logits left = after(logits, truncation);
            assertThat(left.size()).isBetween(1, logits.length);
            int previous = -1;
            for (int i = 0; i < left.size(); i++) {
                assertThat(left.tokenId(i)).isGreaterThan(previous);
                assertThat(left.get(i)).isEqualTo(logits[left.tokenId(i)]);
                previous = left.tokenId(i);
            }
        });
    }

    @Test
    void argmax_survives() {
        forAll((random, logits, truncation) -> {
            int best = Logits.of(logits).argmax();
            assertThat(after(logits, truncation).argmax()).isEqualTo(best);
            assertThat(kept(after(logits, truncation, truncation(random), truncation(random))))
                    .contains(best);
        });
    }

    @Test
    void whatIsKept_isNoLessLikelyThanWhatIsNot() {
        forAll((random, logits, truncation) -> {
            Logits left = after(logits, truncation);
            float least = Float.POSITIVE_INFINITY;
            boolean[] stays = new boolean[logits.length];
            for (int id : kept(left)) {
                least = Math.min(least, logits[id]);
                stays[id] = true;
            }
            for (int id = 0; id < logits.length; id++) {
                if (!stays[id]) {
                    assertThat(logits[id]).isLessThanOrEqualTo(least);
                }
            }
        });
    }

    /** A power of two as the constant and few bits in the logits, so that the sum is exact. */
    @Test
    void addingAConstant_changesNothing() {
        forAll((random, logits, truncation) -> {
            float[] rounded = new float[logits.length];
            float[] shifted = new float[logits.length];
            for (int i = 0; i < logits.length; i++) {
                rounded[i] = logits[i] == Float.NEGATIVE_INFINITY ? logits[i] : Math.round(logits[i] * 16) % 4096 / 16f;
                shifted[i] = rounded[i] + 64;
            }
            assertThat(kept(after(shifted, truncation))).containsExactly(kept(after(rounded, truncation)));
        });
    }

    @Test
    void again_changesNothing() {
        forAll((random, logits, truncation) -> {
            if (!(truncation instanceof TopK || truncation instanceof MinP)) {
                return; // The others look at probabilities or deviations, which change with what is left.
            }
            assertThat(kept(after(logits, truncation, truncation))).containsExactly(kept(after(logits, truncation)));
        });
    }

    /** To the last bit: the threshold max + ln p is compared as an exact number, not as a rounded float. */
    @Test
    void minP_atTheThreshold_keepsWhatIsNotBelowIt() {
        for (long seed = 0; seed < SEEDS; seed++) {
            Random random = new Random(seed);
            float max = (float) random.nextGaussian() * 10;
            double p = 0.01 + random.nextDouble() * 0.9;
            double threshold = max + StrictMath.log(p);
            float near = (float) threshold;
            float[] logits = {max, Math.nextDown(Math.nextDown(near)), Math.nextDown(near), near, Math.nextUp(near)};
            int[] expected = IntStream.range(0, logits.length)
                    .filter(id -> logits[id] >= threshold)
                    .toArray();

            assertThat(kept(after(logits, new MinP(p)))).as("seed %d", seed).containsExactly(expected);
        }
    }

    @Test
    void topKTwice_isTheSmallerK() {
        forAll((random, logits, truncation) -> {
            int a = 1 + random.nextInt(20);
            int b = 1 + random.nextInt(20);
            for (Ties ties : Ties.values()) {
                assertThat(kept(after(logits, new TopK(a, ties), new TopK(b, ties))))
                        .containsExactly(kept(after(logits, new TopK(Math.min(a, b), ties))));
            }
        });
    }

    @Test
    void largerP_keepsMore() {
        forAll((random, logits, truncation) -> {
            double p = random.nextDouble();
            double more = p + (1 - p) * random.nextDouble();
            List<Integer> few = asList(kept(after(logits, new TopP(p))));
            assertThat(asList(kept(after(logits, new TopP(more))))).containsAll(few);
            assertThat(asList(kept(after(logits, new MinP(p)))))
                    .containsAll(asList(kept(after(logits, new MinP(more)))));
        });
    }

    @Test
    void renamingTheIds_renamesTheResult() {
        forAll((random, logits, truncation) -> {
            List<Integer> names =
                    new ArrayList<>(IntStream.range(0, logits.length).boxed().toList());
            Collections.shuffle(names, random);
            float[] renamed = new float[logits.length];
            for (int id = 0; id < logits.length; id++) {
                renamed[names.get(id)] = logits[id];
            }
            Logits left = after(logits, truncation);
            Logits leftOfRenamed = after(renamed, truncation);
            // Among equals the lowest ids stay, so the names of those at the cut may differ; their logits may not.
            assertThat(sorted(leftOfRenamed)).containsExactly(sorted(left));
            float least = sorted(left)[0];
            for (int id = 0; id < logits.length; id++) {
                if (logits[id] > least) {
                    assertThat(leftOfRenamed.ofToken(names.get(id))).isEqualTo(logits[id]);
                }
            }
        });
    }

    @Test
    void temperature_keepsTheOrder_andScalesTheGaps() {
        forAll((random, logits, truncation) -> {
            float temperature = 0.1f + random.nextFloat() * 3;
            Logits heated = after(logits, new Temperature(temperature));
            assertThat(heated.size()).isEqualTo(logits.length);
            for (int i = 1; i < logits.length; i++) {
                if (logits[i] == Float.NEGATIVE_INFINITY) {
                    assertThat(heated.get(i)).isEqualTo(Float.NEGATIVE_INFINITY);
                } else {
                    assertThat((double) heated.get(i))
                            .isCloseTo(
                                    (double) logits[i] / temperature, within(1e-6 * Math.abs(logits[i] / temperature)));
                    if (logits[i] >= logits[i - 1]) {
                        assertThat(heated.get(i)).isGreaterThanOrEqualTo(heated.get(i - 1));
                    }
                }
            }
        });
    }

    /** One pipeline that eight threads run is eight pipelines that run alone. */
    @Test
    void sharedPipeline_onEightThreads_isTheSameAsAlone() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            for (Dialect dialect : Dialect.values()) {
                SamplingParameters parameters = SamplingParameters.builder()
                        .temperature(0.8)
                        .topK(30)
                        .topP(0.95)
                        .minP(0.02)
                        .repetitionPenalty(1.2)
                        .logitBias(java.util.Map.of(3, 1.5))
                        .build();
                SamplingPipeline shared = parameters.toPipeline(dialect);
                List<Future<int[]>> together = new ArrayList<>();
                for (int seed = 0; seed < 8; seed++) {
                    long mine = seed;
                    together.add(threads.submit(() -> drawn(shared, mine)));
                }
                for (int seed = 0; seed < 8; seed++) {
                    assertThat(together.get(seed).get())
                            .as("%s, seed %d", dialect, seed)
                            .containsExactly(drawn(parameters.toPipeline(dialect), seed));
                }
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static int[] drawn(SamplingPipeline pipeline, long seed) {
        Random random = new Random(seed);
        SequenceSampler sequence = pipeline.start(new int[] {1, 2, 3}, Vocabulary.ofRows(200), seed);
        return IntStream.range(0, 200)
                .map(step -> {
                    float[] logits = new float[200];
                    for (int i = 0; i < logits.length; i++) {
                        logits[i] = (float) random.nextGaussian() * 3;
                    }
                    return sequence.sample(logits);
                })
                .toArray();
    }

    private static float[] sorted(Logits logits) {
        float[] sorted = new float[kept(logits).length];
        int n = 0;
        for (int id : kept(logits)) {
            sorted[n++] = logits.ofToken(id);
        }
        Arrays.sort(sorted);
        return sorted;
    }

    private static List<Integer> asList(int[] ids) {
        return Arrays.stream(ids).boxed().toList();
    }
}
