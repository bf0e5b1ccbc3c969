package dev.tempera.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.tempera.Dialect;
import dev.tempera.LogitsProcessors;
import dev.tempera.ProcessorSpec;
import dev.tempera.Samplers;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import java.lang.management.ManagementFactory;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Once its scratch space is made, no registered processor or sampler and no dialect allocates, unless it may take tokens back. */
class RegisteredAllocationTest {
    private static final int ROWS = 300;
    private static final int STEPS = 400;
    private static final long PATIENCE = 20_000_000_000L;

    static Stream<ProcessorSpec> processors() {
        // Guidance is given logits for each step by the engine.
        return RegisteredProcessorsTest.SPECS.stream()
                .filter(spec -> !spec.name().equals("classifier_free_guidance"));
    }

    @ParameterizedTest
    @MethodSource
    void processors(ProcessorSpec spec) {
        // From JDK 22 on Arrays.sort makes small arrays of its own.
        boolean sorts = spec.name().equals("top_h") || spec.name().equals("tail_free");
        check(SamplingPipeline.of(LogitsProcessors.create(spec)), sorts ? 256 : 0);
    }

    static Stream<ProcessorSpec> samplers() {
        return RegisteredSamplersTest.SPECS.stream();
    }

    @ParameterizedTest
    @MethodSource
    void samplers(ProcessorSpec spec) {
        check(SamplingPipeline.builder().sampler(Samplers.create(spec)).build(), 0);
    }

    @ParameterizedTest
    @EnumSource
    void dialects(Dialect dialect) {
        SamplingParameters.Builder parameters = SamplingParameters.builder()
                .temperature(0.8)
                .topK(200)
                .topP(0.95)
                .minP(0.01)
                .repetitionPenalty(1.1);
        if (dialect == Dialect.LLAMA_CPP) {
            parameters.topNSigma(1.5).dynatempRange(0.3).xtcProbability(0.5);
        }
        check(parameters.build().toPipeline(dialect), 0);
    }

    private static void check(SamplingPipeline pipeline, long allowed) {
        Random random = new Random(1);
        float[][] inputs = new float[16][ROWS];
        for (float[] input : inputs) {
            for (int i = 0; i < ROWS; i++) {
                input[i] = (float) (2 * random.nextGaussian());
            }
        }
        // A long prompt: what grows with the history does not grow during the test.
        int[] prompt = random.ints(20_000, 0, ROWS).toArray();
        SequenceSampler sampler =
                pipeline.start(prompt, new RegisteredProcessorsTest().vocabulary(), new int[] {0}, 42);
        if (sampler.mayRewind()) {
            return;
        }
        float[] logits = new float[ROWS];
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE;
        // Some allocations are gone only once the compiler is done, which takes as long as it takes.
        long start = System.nanoTime();
        while (least > allowed && System.nanoTime() - start < PATIENCE) {
            long before = threads.getCurrentThreadAllocatedBytes();
            steps(sampler, inputs, logits);
            least = Math.min(least, (threads.getCurrentThreadAllocatedBytes() - before) / STEPS);
        }
        assertThat(least).as("bytes per step of %s", pipeline).isLessThanOrEqualTo(allowed);
    }

    private static void steps(SequenceSampler sampler, float[][] inputs, float[] logits) {
        for (int step = 0; step < STEPS; step++) {
            System.arraycopy(inputs[step % inputs.length], 0, logits, 0, ROWS);
            sampler.sample(logits);
        }
    }
}
