package dev.tempera.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.Logits;
import dev.tempera.Sampler;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import dev.tempera.processor.TopK;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What every {@link Sampler} must hold. A test class of a sampler extends this one and names some instances of it,
 * configured so that they do something.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 120)
public abstract class SamplerContract {
    private static final int STEPS = 12;
    private static final int DRAWS = 5_000;

    /** Instances as a user builds them; their {@code toString} names them in the report. */
    protected abstract List<Sampler> samplers();

    /** How many logits a position has; more than 20. */
    protected int rows() {
        return 300;
    }

    /** What the samplers run on; by default one that cannot encode text. */
    protected Vocabulary vocabulary() {
        return Vocabulary.ofRows(rows());
    }

    @ParameterizedTest
    @MethodSource("samplers")
    void sample_givesACandidate_ofTheDistribution(Sampler sampler) {
        ContractInput.forEachSeed((seed, random) -> {
            SequenceSampler sequence = after(sampler, seed, random.nextInt(STEPS));
            float[] logits = logits(random);
            float[] distribution = dense(sequence.distribution(logits.clone()));
            int drawn = sequence.sample(logits.clone());

            assertThat(logits[drawn]).as("seed %d, token %d", seed, drawn).isGreaterThan(Float.NEGATIVE_INFINITY);
            assertThat(distribution[drawn]).as("seed %d, token %d", seed, drawn).isGreaterThan(Float.NEGATIVE_INFINITY);
        });
    }

    @ParameterizedTest
    @MethodSource("samplers")
    void shape_leavesACandidate_andBringsNoMaskedTokenBack(Sampler sampler) {
        ContractInput.forEachSeed((seed, random) -> {
            SequenceSampler sequence = after(sampler, seed, random.nextInt(STEPS));
            float[] logits = logits(random);
            float[] distribution = dense(sequence.distribution(logits.clone()));
            int left = 0;
            for (int i = 0; i < logits.length; i++) {
                if (distribution[i] > Float.NEGATIVE_INFINITY) {
                    left++;
                    assertThat(logits[i]).as("seed %d, token %d", seed, i).isGreaterThan(Float.NEGATIVE_INFINITY);
                }
            }
            assertThat(left).as("seed %d", seed).isPositive();
        });
    }

    @ParameterizedTest
    @MethodSource("samplers")
    void shape_changesNoState(Sampler sampler) {
        ContractInput.forEachSeed((seed, random) -> {
            SequenceSampler asked = pipeline(sampler).start(new int[0], vocabulary(), seed);
            SequenceSampler unasked = pipeline(sampler).start(new int[0], vocabulary(), seed);
            for (int step = 0; step < STEPS; step++) {
                float[] logits = logits(random);
                float[] first = dense(asked.distribution(logits.clone()));
                asked.distribution(logits(random));
                assertThat(dense(asked.distribution(logits.clone())))
                        .as("seed %d, step %d: only accept may change the state", seed, step)
                        .containsExactly(first);
                asked.distribution(logits(random));
                assertThat(asked.sample(logits.clone()))
                        .as("seed %d, step %d: only accept may change the state", seed, step)
                        .isEqualTo(unasked.sample(logits));
            }
        });
    }

    @ParameterizedTest
    @MethodSource("samplers")
    void shape_ofNarrowedCandidates_isThatOfMaskedOnes(Sampler sampler) {
        ContractInput.forEachSeed((seed, random) -> {
            float[] logits = logits(random);
            Logits top = Logits.of(logits);
            new TopK(9).process(top, after(sampler, seed, 0).context());
            float[] masked = dense(top);
            SequenceSampler narrowing = SamplingPipeline.builder()
                    .add(new TopK(9))
                    .sampler(sampler)
                    .build()
                    .start(new int[0], vocabulary(), seed);

            assertThat(dense(narrowing.distribution(logits)))
                    .as("seed %d", seed)
                    .containsExactly(dense(after(sampler, seed, 0).distribution(masked)));
        });
    }

    /** Pearson's statistic over bins of at least 5, against the bound that chance exceeds once in 30,000 times. */
    @ParameterizedTest
    @MethodSource("samplers")
    void sample_drawsFromTheSoftmaxOfTheShape(Sampler sampler) {
        Random random = new Random(1);
        float[] logits = new float[rows()];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) random.nextGaussian() * 2;
        }
        SequenceSampler sequence = after(sampler, 1, STEPS);
        double[] expected = softmax(sequence.distribution(logits.clone()));
        int[] drawn = new int[rows()];
        for (int draw = 0; draw < DRAWS; draw++) {
            drawn[sequence.fork(draw).sample(logits.clone())]++;
        }
        double statistic = 0;
        int bins = 0;
        double rest = DRAWS;
        double restDrawn = DRAWS;
        for (int i = 0; i < drawn.length; i++) {
            if (expected[i] == 0) {
                assertThat(drawn[i]).as("token %d has no probability", i).isZero();
            } else if (expected[i] * DRAWS >= 5) {
                double difference = drawn[i] - expected[i] * DRAWS;
                statistic += difference * difference / (expected[i] * DRAWS);
                bins++;
                rest -= expected[i] * DRAWS;
                restDrawn -= drawn[i];
            }
        }
        if (rest >= 5) {
            statistic += (restDrawn - rest) * (restDrawn - rest) / rest;
            bins++;
        }
        assertThat(statistic).as("%d bins", bins).isLessThanOrEqualTo(bound(bins - 1));
    }

    /** Of chi-square, four standard deviations above, by Wilson and Hilferty. */
    private static double bound(int degreesOfFreedom) {
        if (degreesOfFreedom == 0) {
            return 1e-6;
        }
        double variance = 2.0 / (9 * degreesOfFreedom);
        return degreesOfFreedom * Math.pow(1 - variance + 4 * Math.sqrt(variance), 3);
    }

    @ParameterizedTest
    @MethodSource("samplers")
    void sequences_ofOneSampler_areIndependent(Sampler sampler) {
        ContractInput.forEachSeed((seed, random) -> {
            SamplingPipeline shared = pipeline(sampler);
            SequenceSampler one = shared.start(new int[0], vocabulary(), seed);
            SequenceSampler other = shared.start(new int[0], vocabulary(), seed + 1000);
            SequenceSampler alone = pipeline(sampler).start(new int[0], vocabulary(), seed);
            for (int step = 0; step < STEPS; step++) {
                float[] logits = logits(random);
                other.sample(logits(random));
                assertThat(one.sample(logits.clone()))
                        .as("seed %d, step %d", seed, step)
                        .isEqualTo(alone.sample(logits));
            }
        });
    }

    @ParameterizedTest
    @MethodSource("samplers")
    void sequences_onManyThreads_areTheSameAsAlone(Sampler sampler) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            SamplingPipeline shared = pipeline(sampler);
            List<Future<List<Integer>>> together = new ArrayList<>();
            for (int seed = 0; seed < 8; seed++) {
                long mine = seed;
                together.add(threads.submit(() -> drawn(shared, mine)));
            }
            for (int seed = 0; seed < 8; seed++) {
                assertThat(together.get(seed).get(60, TimeUnit.SECONDS))
                        .as("seed %d", seed)
                        .isEqualTo(drawn(pipeline(sampler), seed));
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private List<Integer> drawn(SamplingPipeline pipeline, long seed) {
        return drawn(pipeline.start(new int[0], vocabulary(), seed), new Random(seed), 50);
    }

    private List<Integer> drawn(SequenceSampler sequence, Random random, int steps) {
        List<Integer> drawn = new ArrayList<>();
        for (int step = 0; step < steps; step++) {
            drawn.add(sequence.sample(logits(random)));
        }
        return drawn;
    }

    @ParameterizedTest
    @MethodSource("samplers")
    void restore_goesBackToTheSnapshot_howeverOften(Sampler sampler) {
        ContractInput.forEachSeed((seed, random) -> {
            SequenceSampler sequence = after(sampler, seed, random.nextInt(STEPS));
            SequenceSampler.Snapshot snapshot = sequence.snapshot();
            List<Integer> first = drawn(sequence, new Random(seed), STEPS);
            for (int time = 0; time < 3; time++) {
                sequence.restore(snapshot);
                drawn(sequence, random, time + 2);
                sequence.accept(random.nextInt(rows()));
                sequence.restore(snapshot);
                assertThat(drawn(sequence, new Random(seed), STEPS))
                        .as("seed %d, restored %d times", seed, time + 1)
                        .isEqualTo(first);
            }
        });
    }

    @ParameterizedTest
    @MethodSource("samplers")
    void fork_continuesFromHere_andLeavesTheOriginalAlone(Sampler sampler) {
        ContractInput.forEachSeed((seed, random) -> {
            SequenceSampler sequence = after(sampler, seed, random.nextInt(STEPS));
            SequenceSampler fork = sequence.fork(seed);
            SequenceSampler busy = sequence.fork(seed);
            drawn(busy, random, STEPS);
            busy.accept(random.nextInt(rows()));

            assertThat(drawn(fork, new Random(seed), STEPS))
                    .as("seed %d", seed)
                    .isEqualTo(drawn(sequence, new Random(seed), STEPS));
        });
    }

    /** A processor of the pipeline may take back tokens that the sampler has accepted. */
    @ParameterizedTest
    @MethodSource("samplers")
    void tokensTakenBack_leaveNothing(Sampler sampler) {
        ContractInput.forEachSeed((seed, random) -> {
            int tokens = 1 + random.nextInt(4);
            int steps = random.nextInt(STEPS);
            SamplingPipeline pipeline = SamplingPipeline.builder()
                    .add(new TakesBackLast(steps, tokens))
                    .sampler(sampler)
                    .build();
            SequenceSampler sequence = after(pipeline, seed, steps);
            drawn(sequence, random, tokens);

            assertThat(sequence.history().generatedSize()).as("seed %d", seed).isEqualTo(steps);
            assertThat(drawn(sequence, new Random(seed), STEPS))
                    .as("seed %d", seed)
                    .isEqualTo(drawn(after(sampler, seed, steps), new Random(seed), STEPS));
        });
    }

    /** A sequence that drew the given number of tokens. */
    private SequenceSampler after(Sampler sampler, long seed, int steps) {
        return after(pipeline(sampler), seed, steps);
    }

    private SequenceSampler after(SamplingPipeline pipeline, long seed, int steps) {
        SequenceSampler sequence = pipeline.start(new int[0], vocabulary(), seed);
        drawn(sequence, new Random(31 * seed), steps);
        return sequence;
    }

    private static SamplingPipeline pipeline(Sampler sampler) {
        return SamplingPipeline.builder().sampler(sampler).build();
    }

    private float[] logits(Random random) {
        return ContractInput.logits(rows(), random);
    }

    private static double[] softmax(Logits logits) {
        double[] probabilities = new double[logits.vocabularySize()];
        double logSumExp = logits.logSumExp();
        for (int i = 0; i < logits.size(); i++) {
            probabilities[logits.tokenId(i)] = Math.exp(logits.get(i) - logSumExp);
        }
        return probabilities;
    }

    private static float[] dense(Logits logits) {
        return ContractInput.dense(logits);
    }
}
