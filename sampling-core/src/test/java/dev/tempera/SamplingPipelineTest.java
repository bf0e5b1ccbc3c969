package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class SamplingPipelineTest {
    @Test
    void toPipeline_printsTheStagesAsTheyRun() {
        SamplingParameters parameters = SamplingParameters.builder()
                .temperature(0.7)
                .topP(0.9)
                .topK(40)
                .minP(0.05)
                .build();

        assertThat(parameters.toPipeline(Dialect.VLLM))
                .asString()
                .isEqualTo(
                        "logits -> Temperature[value=0.7] ->"
                                + " MinP[p=0.05, minKeep=1] -> TopK[k=40, ties=KEEP_ALL] -> TopP[p=0.9, minKeep=1] -> Categorical[]");
        assertThat(parameters.toPipeline(Dialect.LLAMA_CPP))
                .asString()
                .isEqualTo("logits -> TopK[k=40,"
                        + " ties=LOWEST_IDS] -> TopP[p=0.9, minKeep=1] -> MinP[p=0.05, minKeep=1] -> Temperature[value=0.7] ->"
                        + " Categorical[]");
    }

    @Test
    void build_badValues_areAllNamedAtOnce() {
        assertThatThrownBy(() -> SamplingParameters.builder()
                        .temperature(-1)
                        .topP(Double.NaN)
                        .maxTokens(0)
                        .build())
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("temperature must be at least 0, got -1.0; top_p must be a finite number, got NaN;"
                        + " max_tokens must be at least 1, got 0");
    }

    @Test
    void toPipeline_outOfTheDialectsRange_saysTheRange() {
        SamplingParameters parameters =
                SamplingParameters.builder().topP(1.2).temperature(3).build();

        assertThatThrownBy(parameters::toPipeline)
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("temperature must be in [0, 2] in the vLLM dialect, got 3.0; top_p must be in (0, 1] in the"
                        + " vLLM dialect, got 1.2");
    }

    @Test
    void sample_greedy_takesTheLargest() {
        SequenceSampler sampler = SamplingParameters.builder()
                .temperature(0)
                .build()
                .toPipeline()
                .start(new int[] {1}, Vocabulary.ofRows(4), 7);

        assertThat(sampler.sample(new float[] {0, 3, 3, 1})).isEqualTo(1);
        assertThat(sampler.history().size()).isEqualTo(2);
    }

    @Test
    void sample_noCandidate_namesTheStep() {
        SequenceSampler sampler = SamplingPipeline.of().start(new int[0], Vocabulary.ofRows(2), 1);

        assertThatThrownBy(() -> sampler.sample(new float[] {Float.NaN, Float.NEGATIVE_INFINITY}))
                .isInstanceOf(InvalidLogitsException.class)
                .hasMessage("step 0: none of the 2 logits is a number above -inf (1 NaN, 1 -inf): either constraints"
                        + " forbid every token, or the weights or the data type are wrong");
    }

    @Test
    void fromMap_toMap_roundTrips() {
        SamplingParameters parameters = SamplingParameters.builder()
                .temperature(0)
                .logitBias(java.util.Map.of(3, -1.5, 1, 2.0))
                .stop(List.of("。"))
                .processors(List.of(ProcessorSpec.of("top_k", java.util.Map.of("k", 3))))
                .build();

        assertThat(SamplingParameters.fromMap(parameters.toMap())).isEqualTo(parameters);
    }
}
