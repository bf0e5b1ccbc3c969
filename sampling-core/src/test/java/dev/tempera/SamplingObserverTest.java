package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What an observer is shown, and that it changes nothing. */
class SamplingObserverTest {
    /** Writes down what it sees. */
    private static final class Notes implements SamplingObserver {
        private final List<String> lines = new ArrayList<>();

        @Override
        public void given(Logits logits, SamplingContext context) {
            lines.add("given " + logits.size() + " at " + context.history().size());
        }

        @Override
        public void processed(LogitsProcessor processor, Logits logits) {
            lines.add(processor + " left " + logits.size());
        }

        @Override
        public void shaped(Sampler sampler, Logits logits) {
            lines.add(sampler + " left " + logits.size());
        }

        @Override
        public void accepted(int tokenId, SamplingContext context) {
            lines.add("token " + tokenId + ", history " + context.history().size());
        }
    }

    @Test
    void sample_showsEveryStage() {
        SamplingPipeline pipeline = SamplingPipeline.builder()
                .add(new TopK(2))
                .add(new Temperature(0.5))
                .sampler(Sampler.GREEDY)
                .build();
        Notes notes = new Notes();
        pipeline.start(new int[] {3}, Vocabulary.ofRows(4), 0).sample(new float[] {1, 4, 2, 3}, notes);

        assertThat(notes.lines)
                .containsExactly(
                        "given 4 at 1",
                        new TopK(2) + " left 2",
                        new Temperature(0.5) + " left 2",
                        "Greedy[] left 1",
                        "token 1, history 2");
    }

    @Test
    void shaped_isTheDistribution() {
        SamplingPipeline pipeline = SamplingPipeline.of(new Temperature(0.5));
        float[] logits = RandomLogits.FLAT.of(5000, new Random(3));
        Logits expected = pipeline.start(new int[0], Vocabulary.ofRows(5000), 7).distribution(logits.clone());
        double[] shown = new double[2];
        pipeline.start(new int[0], Vocabulary.ofRows(5000), 7).sample(logits, new SamplingObserver() {
            @Override
            public void given(Logits ignored, SamplingContext context) {}

            @Override
            public void processed(LogitsProcessor processor, Logits ignored) {}

            @Override
            public void shaped(Sampler sampler, Logits drawnFrom) {
                shown[0] = drawnFrom.logSumExp();
                shown[1] = drawnFrom.get(17);
            }

            @Override
            public void accepted(int tokenId, SamplingContext context) {}
        });

        assertThat(shown).containsExactly(expected.logSumExp(), expected.get(17));
    }

    @Test
    void sample_observed_drawsTheSameTokens() {
        SamplingPipeline pipeline = SamplingPipeline.of(new TopK(40), new Temperature(1.3));
        SequenceSampler plain = pipeline.start(new int[0], Vocabulary.ofRows(5000), 7);
        SequenceSampler observed = pipeline.start(new int[0], Vocabulary.ofRows(5000), 7);
        Random random = new Random(1);
        for (int i = 0; i < 50; i++) {
            float[] logits = RandomLogits.FLAT.of(5000, random);
            assertThat(observed.sample(logits.clone(), new Notes())).isEqualTo(plain.sample(logits));
        }
    }
}
