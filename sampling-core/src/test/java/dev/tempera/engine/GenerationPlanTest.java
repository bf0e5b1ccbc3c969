package dev.tempera.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.ProcessorSpec;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.engine.GenerationPlan.Placement;
import dev.tempera.engine.GenerationPlan.Stage;
import dev.tempera.processor.ClassifierFreeGuidance;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class GenerationPlanTest {
    private static final Stage LOCAL = new Stage("TopK[k=3]", Placement.LOCAL, "on the full logits", true, "");
    private static final Stage LORA = new Stage("lora", Placement.REJECTED, "there are no adapters", false, "");
    private static final Stage SALT = new Stage("cache_salt", Placement.REJECTED, "there is no cache", false, "");

    @Test
    void requireRunnable_nothingRejected_passes() {
        assertThatCode(() -> new GenerationPlan(List.of(LOCAL)).requireRunnable())
                .doesNotThrowAnyException();
    }

    @Test
    void requireRunnable_rejectedStages_areAllNamedWithTheirReasons() {
        GenerationPlan plan = new GenerationPlan(List.of(LORA, LOCAL, SALT));

        assertThat(plan.rejected()).containsExactly(LORA, SALT);
        assertThatThrownBy(plan::requireRunnable)
                .isInstanceOfSatisfying(
                        UnsupportedRequestException.class,
                        e -> assertThat(e.rejected()).containsExactly(LORA, SALT))
                .hasMessage("this engine cannot run the request as written: lora: there are no adapters; cache_salt:"
                        + " there is no cache");
    }

    @Test
    void toString_isALineForEachStage() {
        assertThat(new GenerationPlan(List.of(LOCAL, LORA)))
                .hasToString("LOCAL TopK[k=3] (on the full logits)\nREJECTED lora (there are no adapters)");
    }

    @Test
    void local_namesTheNegativePrompt_andRefusesLogitsThatTheEngineDoesNotGive() {
        GenerationRequest.Builder guided = GenerationRequest.builder()
                .prompt(Prompt.chat("sea"))
                .pipeline(SamplingPipeline.of(new ClassifierFreeGuidance(1.5)))
                .negativePrompt(Prompt.chat("rain"));

        assertThat(GenerationPlan.local(guided.build(), Set.of("negative")))
                .hasToString("LOCAL ClassifierFreeGuidance[scale=1.5] (runs in this JVM on the full logits)\n"
                        + "LOCAL Categorical[] (runs in this JVM on the full logits)\n"
                        + "LOCAL negative_prompt (continued with the same generated tokens);"
                        + " cost: the model runs twice for every token");
        assertThat(GenerationPlan.local(guided.build(), Set.of()))
                .hasToString(
                        "REJECTED ClassifierFreeGuidance[scale=1.5] (the engine does not give the logits [negative])\n"
                                + "LOCAL Categorical[] (runs in this JVM on the full logits)\n"
                                + "REJECTED negative_prompt (the engine does not run a second prompt beside the first)");
        ProcessorSpec spec = ProcessorSpec.of("classifier_free_guidance", Map.of("scale", 1.5));
        GenerationRequest byDefault = GenerationRequest.of(
                Prompt.chat("sea"),
                SamplingParameters.builder().processors(List.of(spec)).build());
        assertThat(GenerationPlan.local(byDefault, Set.of("negative")).stages())
                .contains(new Stage(
                        "negative_prompt",
                        Placement.LOCAL,
                        "the last token of the prompt, as transformers where none is given",
                        true,
                        "the model runs twice for every token"));
    }
}
