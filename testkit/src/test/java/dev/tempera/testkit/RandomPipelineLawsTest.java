package dev.tempera.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.InvalidLogitsException;
import dev.tempera.LogitsProcessors;
import dev.tempera.ProcessorSpec;
import dev.tempera.Samplers;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever is registered, in any order and company: going back, forking and replaying leave no trace. */
class RandomPipelineLawsTest {
    private static final int ROWS = 300;
    private static final int[] STOP = {0, 5};
    private static final Vocabulary VOCABULARY = new RegisteredProcessorsTest().vocabulary();

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void sequence_thatWentBack_goesOnLikeOneThatDidNot(long first) {
        for (long seed = 100 * first; seed < 100 * first + 60; seed++) {
            Random random = new Random(seed);
            SamplingPipeline pipeline = pipeline(random);
            int[] prompt = random.ints(random.nextInt(8), 0, 12).toArray();
            SequenceSampler straight = pipeline.start(prompt, VOCABULARY, STOP, seed);
            SequenceSampler winding = pipeline.start(prompt, VOCABULARY, STOP, seed);
            for (int step = 0; step < 12; step++) {
                SequenceSampler.Snapshot snapshot = winding.snapshot();
                int detour = random.nextInt(4);
                if (detour == 0) {
                    winding = winding.fork(seed);
                } else {
                    for (int i = 1; i < detour; i++) {
                        sample(winding, logits(random));
                        winding.accept(random.nextInt(12));
                    }
                    winding.restore(snapshot);
                }
                float[] logits = logits(random);
                assertThat(ContractInput.dense(winding.distribution(logits.clone())))
                        .as("seed %d, step %d: %s", seed, step, pipeline)
                        .isEqualTo(ContractInput.dense(straight.distribution(logits.clone())));
                int drawn = sample(straight, logits.clone());
                assertThat(sample(winding, logits))
                        .as("seed %d, step %d: %s", seed, step, pipeline)
                        .isEqualTo(drawn);
                assertThat(tokens(winding)).isEqualTo(tokens(straight));
            }
        }
    }

    /** Three processors and a sampler. */
    private static SamplingPipeline pipeline(Random random) {
        SamplingPipeline.Builder pipeline = SamplingPipeline.builder();
        for (int i = 0; i < 3; i++) {
            ProcessorSpec spec = oneOf(RegisteredProcessorsTest.SPECS, random);
            pipeline.add(LogitsProcessors.create(spec));
        }
        return pipeline.sampler(Samplers.create(oneOf(RegisteredSamplersTest.SPECS, random)))
                .build();
    }

    private static ProcessorSpec oneOf(List<ProcessorSpec> specs, Random random) {
        return specs.get(random.nextInt(specs.size()));
    }

    /** -1 if these processors leave nothing together: one keeps a single token, the next forbids it. */
    private static int sample(SequenceSampler sequence, float[] logits) {
        try {
            return sequence.sample(logits);
        } catch (InvalidLogitsException e) {
            return -1;
        }
    }

    private static float[] logits(Random random) {
        return ContractInput.logits(ROWS, random);
    }

    private static List<Integer> tokens(SequenceSampler sequence) {
        List<Integer> tokens = new ArrayList<>();
        for (int i = 0; i < sequence.history().size(); i++) {
            tokens.add(sequence.history().get(i));
        }
        return tokens;
    }
}
