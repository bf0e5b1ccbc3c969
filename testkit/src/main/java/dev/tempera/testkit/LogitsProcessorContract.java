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
        ContractInput.forEachSeed((seed, random) -> {
            SequenceSampler sequence = after(processor, seed, random.nextInt(STEPS));
            Logits left = sequence.process(logits(random));

            assertThat(left.size()).as("seed %d", seed).isPositive();
            assertThat(left.max()).as("seed %d", seed).isGreaterThan(Float.NEGATIVE_INFINITY);
        });
    }

    @ParameterizedTest
    @MethodSource("processors")
    void process_bringsNoMaskedTokenBack(LogitsProcessor processor) {
        ContractInput.forEachSeed((seed, random) -> {
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
        ContractInput.forEachSeed((seed, random) -> {
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

            assertSame(
                    narrowing.process(logits),
                    dense(after(processor, seed, steps).process(masked)),
                    "seed %d",
                    seed);
        });
    }

    @ParameterizedTest
    @MethodSource("processors")
    void process_again_isTheSame(LogitsProcessor processor) {
        ContractInput.forEachSeed((seed, random) -> {
            SequenceSampler sequence = after(processor, seed, random.nextInt(STEPS));
            float[] logits = logits(random);
            float[] first = dense(sequence.process(logits.clone()));

            sequence.process(logits(random));
            assertSame(
                    sequence.process(logits.clone()),
                    first,
                    "seed %d: process must not change the state, only accept may",
                    seed);
        });
    }

    @ParameterizedTest
    @MethodSource("processors")
    void sequences_ofOneProcessor_areIndependent(LogitsProcessor processor) {
        ContractInput.forEachSeed((seed, random) -> {
            SequenceSampler one = after(processor, seed, 0);
            SequenceSampler other = after(processor, seed + 1000, 0);
            for (int step = 0; step < STEPS; step++) {
                one.accept(ContractInput.token(seed, step));
                other.accept(ContractInput.token(seed + 1000, step));
                float[] logits = logits(random);
                assertSame(
                        one.process(logits.clone()),
                        dense(after(processor, seed, step + 1).process(logits)),
                        "seed %d, step %d",
                        seed,
                        step);
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
        ContractInput.forEachSeed((seed, random) -> {
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
                assertSame(sequence.process(logits.clone()), atSnapshot, "seed %d, restored %d times", seed, time + 1);
            }
        });
    }

    /** Also what is computed later: a state half restored, or a cache by position, shows only then. */
    @ParameterizedTest
    @MethodSource("processors")
    void restore_goesOnAsIfNothingHadBeen(LogitsProcessor processor) {
        ContractInput.forEachSeed((seed, random) -> {
            int steps = random.nextInt(STEPS);
            SequenceSampler sequence = after(processor, seed, steps);
            SequenceSampler.Snapshot snapshot = sequence.snapshot();
            goOn(sequence, random, STEPS);
            sequence.restore(snapshot);

            assertGoesOnAlike(sequence, after(processor, seed, steps), seed, random);
        });
    }

    @ParameterizedTest
    @MethodSource("processors")
    void fork_andOriginal_goOnAlone(LogitsProcessor processor) {
        ContractInput.forEachSeed((seed, random) -> {
            int steps = random.nextInt(STEPS);
            SequenceSampler sequence = after(processor, seed, steps);
            SequenceSampler fork = sequence.fork(seed);
            goOn(sequence.fork(seed), random, STEPS);

            assertGoesOnAlike(sequence, after(processor, seed, steps), seed, random);
            assertGoesOnAlike(fork, after(processor, seed, steps), seed, random);
        });
    }

    /** Another processor of the pipeline may take back tokens that this one has accepted. */
    @ParameterizedTest
    @MethodSource("processors")
    void tokensTakenBack_leaveNothing(LogitsProcessor processor) {
        ContractInput.forEachSeed((seed, random) -> {
            int tokens = 1 + random.nextInt(4);
            int steps = random.nextInt(STEPS);
            SequenceSampler control = after(processor, seed, steps);
            if (control.mayRewind()) {
                return; // how many are taken back is then for both to say
            }
            SequenceSampler sequence =
                    after(SamplingPipeline.of(processor, new TakesBackLast(steps, tokens)), seed, steps);
            goOn(sequence, random, tokens);

            assertThat(sequence.history().generatedSize()).as("seed %d", seed).isEqualTo(steps);
            assertGoesOnAlike(sequence, control, seed, random);
        });
    }

    private void goOn(SequenceSampler sequence, Random random, int steps) {
        for (int step = 0; step < steps; step++) {
            sequence.process(logits(random));
            sequence.accept(random.nextInt(12));
        }
    }

    private void assertGoesOnAlike(SequenceSampler sequence, SequenceSampler control, long seed, Random random) {
        for (int step = 0; step < STEPS; step++) {
            float[] logits = logits(random);
            assertSame(
                    sequence.process(logits.clone()), dense(control.process(logits)), "seed %d, step %d", seed, step);
            int tokenId = random.nextInt(12);
            sequence.accept(tokenId);
            control.accept(tokenId);
        }
    }

    private static void assertSame(Logits actual, float[] expected, String description, Object... args) {
        float[] dense = dense(actual);
        if (!Arrays.equals(dense, expected)) { // far quicker than the message
            assertThat(dense).as(description, args).containsExactly(expected);
        }
    }

    private static float[] dense(Logits logits) {
        return ContractInput.dense(logits);
    }

    /** A sequence to which the given number of tokens, which depend on the seed alone, were appended. */
    private SequenceSampler after(LogitsProcessor processor, long seed, int steps) {
        return after(SamplingPipeline.of(processor), seed, steps);
    }

    private SequenceSampler after(SamplingPipeline pipeline, long seed, int steps) {
        SequenceSampler sequence = pipeline.start(PROMPT, vocabulary(), stopTokenIds(), seed);
        for (int step = 0; step < steps; step++) {
            sequence.accept(ContractInput.token(seed, step));
        }
        return sequence;
    }

    private float[] logits(Random random) {
        return ContractInput.logits(rows(), random);
    }
}
