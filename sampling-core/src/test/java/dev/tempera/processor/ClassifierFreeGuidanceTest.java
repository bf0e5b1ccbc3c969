package dev.tempera.processor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tempera.Logits;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.TemperaException;
import dev.tempera.Vocabulary;
import java.util.List;
import org.junit.jupiter.api.Test;

class ClassifierFreeGuidanceTest {
    private static final float MASKED = Float.NEGATIVE_INFINITY;

    @Test
    void scaleOfTwo_squaresTheRatioToTheNegativePrompt() {
        // 0.5^2 / 0.25 = 1, 0.25^2 / 0.25 = 0.25, 0.25^2 / 0.5 = 0.125
        Logits guided = guide(2, logs(0.5, 0.25, 0.25), logs(0.25, 0.25, 0.5));

        assertThat(guided.get(0)).isCloseTo((float) Math.log(1), within(1e-6f));
        assertThat(guided.get(1)).isCloseTo((float) Math.log(0.25), within(1e-6f));
        assertThat(guided.get(2)).isCloseTo((float) Math.log(0.125), within(1e-6f));
    }

    @Test
    void scaleOfZero_isTheNegativePrompt() {
        Logits guided = guide(0, new float[] {1, 2, 3}, logs(0.25, 0.25, 0.5));

        assertThat(Math.exp(guided.get(2))).isCloseTo(0.5, within(1e-6));
    }

    @Test
    void onlyRatiosMatter_notTheLevelOfTheLogits() {
        Logits guided = guide(1.5, new float[] {101, 102, 103}, new float[] {-7, -8, -9});
        Logits same = guide(1.5, new float[] {1, 2, 3}, new float[] {3, 2, 1});

        for (int i = 0; i < 3; i++) {
            assertThat(guided.get(i)).isCloseTo(same.get(i), within(1e-5f));
        }
    }

    @Test
    void maskedTokens_stayMasked_andAMaskOfTheNegativePromptIsNoNumberToGuideBy() {
        Logits guided = guide(-3, new float[] {MASKED, 0, 0}, new float[] {0, MASKED, 0});

        assertThat(guided.get(0)).isEqualTo(MASKED);
        assertThat(guided.get(1)).isCloseTo((float) Math.log(0.5), within(1e-6f));
        assertThat(guided.get(2)).isFinite();
    }

    @Test
    void narrowedCandidates_areGuidedByTheirOwnTokens() {
        SamplingPipeline pipeline = SamplingPipeline.of(new TopK(2), new ClassifierFreeGuidance(2));
        SequenceSampler sequence = pipeline.start(new int[0], Vocabulary.ofRows(3), 1);
        sequence.provideLogits("negative", logs(0.25, 0.25, 0.5));
        Logits guided = sequence.process(new float[] {-5, 1, 1});

        assertThat(guided.size()).isEqualTo(2);
        assertThat(guided.ofToken(1) - guided.ofToken(2)).isCloseTo((float) Math.log(2), within(1e-6f));
    }

    @Test
    void missingLogits_areAnErrorThatSaysWhatToDo() {
        SequenceSampler sequence =
                SamplingPipeline.of(new ClassifierFreeGuidance(2)).start(new int[0], Vocabulary.ofRows(3), 1);
        sequence.provideLogits("negative", new float[3]);
        sequence.sample(new float[3]);

        assertThatThrownBy(() -> sequence.sample(new float[3]))
                .isInstanceOf(TemperaException.class)
                .hasMessage(
                        "classifier_free_guidance found no logits of the negative prompt at step 1: give the request"
                                + " a negative prompt and an engine that runs it, or call"
                                + " SequenceSampler.provideLogits(\"negative\", logits) before each token");
    }

    @Test
    void exemptTokens_aroundGuidance_needTheSameLogits() {
        SamplingPipeline pipeline = SamplingPipeline.of(new ExemptTokens(List.of(2), new ClassifierFreeGuidance(2)));

        assertThat(pipeline.needsLogits()).containsExactly("negative");
    }

    @Test
    void logitsOfAnotherVocabulary_areRefused() {
        SequenceSampler sequence =
                SamplingPipeline.of(new ClassifierFreeGuidance(2)).start(new int[0], Vocabulary.ofRows(3), 1);
        sequence.provideLogits("negative", new float[4]);

        assertThatThrownBy(() -> sequence.sample(new float[3]))
                .isInstanceOf(TemperaException.class)
                .hasMessage("the logits \"negative\" must be 3, one for each row of the LM head, got 4");
    }

    private static Logits guide(double scale, float[] logits, float[] negative) {
        SequenceSampler sequence = SamplingPipeline.of(new ClassifierFreeGuidance(scale))
                .start(new int[0], Vocabulary.ofRows(logits.length), 1);
        sequence.provideLogits("negative", negative);
        return sequence.process(logits);
    }

    private static float[] logs(double... probabilities) {
        float[] logits = new float[probabilities.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) Math.log(probabilities[i]);
        }
        return logits;
    }
}
