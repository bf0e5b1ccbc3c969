package dev.tempera.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import dev.tempera.processor.TopK;
import java.util.ArrayList;
import java.util.Arrays;
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
 * What every {@link LogitsProcessor} must hold. A test class of a processor extends this one and names some instances
 * of it, configured so that they do something.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 120)
public abstract class LogitsProcessorContract {
    private static final int[] PROMPT = {7, 3, 11, 3};
    private static final int STEPS = 12;
    private static final int SEEDS = 25;

    /** Instances as a user builds them; their {@code toString} names them in the report. */
    protected abstract List<LogitsProcessor> processors();

    /** How many logits a position has; more than 20. */
    protected int rows() {
        return 300;
    }

    /** What the processors run on; by default one that cannot encode text. */
    protected Vocabulary vocabulary() {
        return Vocabulary.ofRows(rows());
    }

    /** Ids that end the generation, for processors that look at them. */
    protected int[] stopTokenIds() {
        return new int[] {0, 5};
    }

    @ParameterizedTest
    @MethodSource("processors")
    void process_leavesACandidate(LogitsProcessor processor) {
        forEachSeed((seed, random) -> {
            SequenceSampler sequence = after(processor, seed, random.nextInt(STEPS));
            Logits left = sequence.process(logits(random));

            assertThat(left.size()).as("seed %d", seed).isPositive();
            assertThat(left.max()).as("seed %d", seed).isGreaterThan(Float.NEGATIVE_INFINITY);
        });
    }

    @ParameterizedTest
    @MethodSource("processors")
    void process_bringsNoMaskedTokenBack(LogitsProcessor processor) {
        forEachSeed((seed, random) -> {
            SequenceSampler sequence = after(processor, seed, random.nextInt(STEPS));
            float[] logits = logits(random);
            float[] result = dense(sequence.process(logits.clone()));
            for (int i = 0; i < logits.length; i++) {
                if (logits[i] == Float.NEGATIVE_INFINITY) {
                    assertThat(result[i]).as("seed %d, token %d", seed, i).isEqualTo(Float.NEGATIVE_INFINITY);
                }
            }
        });
    }

    @ParameterizedTest
    @MethodSource("processors")
    void process_ofNarrowedCandidates_isThatOfMaskedOnes(LogitsProcessor processor) {
        forEachSeed((seed, random) -> {
            float[] logits = logits(random);
            float[] masked = logits.clone();
            Logits top = Logits.of(logits);
            new TopK(9).process(top, after(processor, seed, 0).context());
            for (int i = 0; i < masked.length; i++) {
                if (top.ofToken(i) == Float.NEGATIVE_INFINITY) {
                    masked[i] = Float.NEGATIVE_INFINITY;
                }
            }
            int steps = random.nextInt(STEPS);
            SequenceSampler narrowing = after(SamplingPipeline.of(new TopK(9), processor), seed, steps);

            assertThat(dense(narrowing.process(logits)))
                    .as("seed %d", seed)
                    .containsExactly(dense(after(processor, seed, steps).process(masked)));
        });
    }

    @ParameterizedTest
    @MethodSource("processors")
    void process_again_isTheSame(LogitsProcessor processor) {
        forEachSeed((seed, random) -> {
            SequenceSampler sequence = after(processor, seed, random.nextInt(STEPS));
            float[] logits = logits(random);
            float[] first = dense(sequence.process(logits.clone()));

            sequence.process(logits(random));
            assertThat(dense(sequence.process(logits.clone())))
                    .as("seed %d: process must not change the state, only accept may", seed)
                    .containsExactly(first);
        });
    }

    @ParameterizedTest
    @MethodSource("processors")
    void sequences_ofOneProcessor_areIndependent(LogitsProcessor processor) {
        forEachSeed((seed, random) -> {
            SequenceSampler one = after(processor, seed, 0);
            SequenceSampler other = after(processor, seed + 1000, 0);
            for (int step = 0; step < STEPS; step++) {
                one.accept(token(seed, step));
                other.accept(token(seed + 1000, step));
                float[] logits = logits(random);
                assertThat(dense(one.process(logits.clone())))
                        .as("seed %d, step %d", seed, step)
                        .containsExactly(dense(after(processor, seed, step + 1).process(logits)));
            }
        });
    }

    @ParameterizedTest
    @MethodSource("processors")
    void sequences_onManyThreads_areTheSameAsAlone(LogitsProcessor processor) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            SamplingPipeline shared = SamplingPipeline.of(processor);
            List<Future<List<Integer>>> together = new ArrayList<>();
            for (int seed = 0; seed < 8; seed++) {
                long mine = seed;
                together.add(threads.submit(() -> drawn(shared, mine)));
            }
            for (int seed = 0; seed < 8; seed++) {
                assertThat(together.get(seed).get(60, TimeUnit.SECONDS))
                        .as("seed %d", seed)
                        .isEqualTo(drawn(SamplingPipeline.of(processor), seed));
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private List<Integer> drawn(SamplingPipeline pipeline, long seed) {
        Random random = new Random(seed);
        SequenceSampler sequence = pipeline.start(PROMPT, vocabulary(), stopTokenIds(), seed);
        List<Integer> drawn = new ArrayList<>();
        for (int step = 0; step < 50; step++) {
            drawn.add(sequence.sample(logits(random)));
        }
        return drawn;
    }

    @ParameterizedTest
    @MethodSource("processors")
    void restore_goesBackToTheSnapshot_howeverOften(LogitsProcessor processor) {
        forEachSeed((seed, random) -> {
            SequenceSampler sequence = after(processor, seed, random.nextInt(STEPS));
            float[] logits = logits(random);
            SequenceSampler.Snapshot snapshot = sequence.snapshot();
            float[] atSnapshot = dense(sequence.process(logits.clone()));
            for (int time = 0; time < 3; time++) {
                for (int step = 0; step < time + 2; step++) {
                    sequence.process(logits(random));
                    sequence.accept(random.nextInt(rows()));
                }
                sequence.restore(snapshot);
                assertThat(dense(sequence.process(logits.clone())))
                        .as("seed %d, restored %d times", seed, time + 1)
                        .containsExactly(atSnapshot);
            }
        });
    }

    @ParameterizedTest
    @MethodSource("processors")
    void fork_continuesFromHere_andLeavesTheOriginalAlone(LogitsProcessor processor) {
        forEachSeed((seed, random) -> {
            SequenceSampler sequence = after(processor, seed, random.nextInt(STEPS));
            float[] logits = logits(random);
            float[] before = dense(sequence.process(logits.clone()));
            SequenceSampler fork = sequence.fork(seed);

            assertThat(dense(fork.process(logits.clone()))).as("seed %d", seed).containsExactly(before);
            fork.accept(random.nextInt(rows()));
            fork.accept(random.nextInt(rows()));
            assertThat(dense(sequence.process(logits.clone())))
                    .as("seed %d", seed)
                    .containsExactly(before);
        });
    }

    /** A sequence to which the given number of tokens, which depend on the seed alone, were appended. */
    private SequenceSampler after(LogitsProcessor processor, long seed, int steps) {
        return after(SamplingPipeline.of(processor), seed, steps);
    }

    private SequenceSampler after(SamplingPipeline pipeline, long seed, int steps) {
        SequenceSampler sequence = pipeline.start(PROMPT, vocabulary(), stopTokenIds(), seed);
        for (int step = 0; step < steps; step++) {
            sequence.accept(token(seed, step));
        }
        return sequence;
    }

    /** Few different ones, so that they repeat. */
    private static int token(long seed, int step) {
        return new Random(31 * seed + step).nextInt(12);
    }

    /** Flat, peaked, with ties as bfloat16 has them, and some masked. */
    private float[] logits(Random random) {
        float[] logits = new float[rows()];
        float spread = new float[] {0.1f, 2, 10}[random.nextInt(3)];
        boolean ties = random.nextBoolean();
        boolean masks = random.nextBoolean();
        for (int i = 0; i < logits.length; i++) {
            float logit = (float) random.nextGaussian() * spread;
            logits[i] = masks && random.nextInt(4) == 0
                    ? Float.NEGATIVE_INFINITY
                    : ties ? Float.intBitsToFloat(Float.floatToIntBits(logit) & 0xFFFF0000) : logit;
        }
        logits[12 + random.nextInt(logits.length - 12)] = spread; // one at least, and no usual stop token
        return logits;
    }

    private static float[] dense(Logits logits) {
        float[] dense = new float[logits.vocabularySize()];
        Arrays.fill(dense, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < logits.size(); i++) {
            // NaN counts as masked.
            float logit = logits.get(i);
            dense[logits.tokenId(i)] = Float.isNaN(logit) ? Float.NEGATIVE_INFINITY : logit;
        }
        return dense;
    }

    private static void forEachSeed(Check check) {
        for (int seed = 0; seed < SEEDS; seed++) {
            check.run(seed, new Random(seed));
        }
    }

    @FunctionalInterface
    private interface Check {
        void run(long seed, Random random);
    }
}
