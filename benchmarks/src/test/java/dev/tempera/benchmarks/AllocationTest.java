package dev.tempera.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import java.lang.management.ManagementFactory;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A step allocates nothing once the first ones have made the scratch space. */
class AllocationTest {
    private static final int ROWS = 20_000;
    private static final int STEPS = 400;
    private static final long PATIENCE = 20_000_000_000L;

    @ParameterizedTest
    @EnumSource
    void sample_afterTheFirstSteps_allocatesNothing(ChainBenchmark.Chain chain) {
        Random random = new Random(1);
        float[][] inputs = new float[16][];
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] = ChainBenchmark.Shape.values()[i % 2].logits(ROWS, random);
        }
        // A long prompt: the history does not grow during the test.
        int[] prompt = random.ints(20_000, 0, ROWS).toArray();
        SequenceSampler sampler = chain.pipeline().start(prompt, Vocabulary.ofRows(ROWS), 42);
        float[] logits = new float[ROWS];
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE;
        // Some allocations are gone only once the compiler is done, which takes as long as it takes.
        long start = System.nanoTime();
        while (least > 0 && System.nanoTime() - start < PATIENCE) {
            long before = threads.getCurrentThreadAllocatedBytes();
            steps(sampler, inputs, logits, STEPS);
            // Asking allocates a little itself, hence bytes per step.
            least = Math.min(least, (threads.getCurrentThreadAllocatedBytes() - before) / STEPS);
        }
        assertThat(least).as("bytes per step").isZero();
    }

    private static void steps(SequenceSampler sampler, float[][] inputs, float[] logits, int steps) {
        for (int step = 0; step < steps; step++) {
            System.arraycopy(inputs[step % inputs.length], 0, logits, 0, logits.length);
            sampler.sample(logits);
        }
    }
}
