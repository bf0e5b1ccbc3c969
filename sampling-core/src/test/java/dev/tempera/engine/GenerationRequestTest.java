package dev.tempera.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.processor.ClassifierFreeGuidance;
import dev.tempera.processor.TopK;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class GenerationRequestTest {
    private static final Prompt PROMPT = Prompt.chat("hello");

    @Test
    void of_compilesTheParametersAsVllmDoes() {
        SamplingParameters parameters =
                SamplingParameters.builder().topK(3).topP(0.5).build();
        GenerationRequest request = GenerationRequest.of(PROMPT, parameters);

        assertThat(request.dialect()).isEqualTo(Dialect.VLLM);
        assertThat(request.pipeline())
                .hasToString(parameters.toPipeline(Dialect.VLLM).toString());
        assertThat(request.parameters()).isEqualTo(parameters);
        assertThat(request.prompt()).isEqualTo(new Prompt.Chat(List.of(ChatMessage.user("hello"))));
        assertThat(request.engineOptions().names()).isEmpty();
    }

    @Test
    void build_inADialect_compilesInIt() {
        SamplingParameters parameters = SamplingParameters.builder().topK(3).build();
        GenerationRequest request = GenerationRequest.builder()
                .prompt(PROMPT)
                .parameters(parameters)
                .dialect(Dialect.LLAMA_CPP)
                .build();

        assertThat(request.pipeline()).hasToString("logits -> TopK[k=3, ties=LOWEST_IDS] -> Categorical[]");
    }

    @Test
    void build_withAPipeline_keepsTheParametersForTheRest() {
        SamplingPipeline pipeline = SamplingPipeline.of(new TopK(9));
        GenerationRequest request = GenerationRequest.builder()
                .prompt(PROMPT)
                .parameters(SamplingParameters.builder().seed(7).maxTokens(3).build())
                .pipeline(pipeline)
                .build();

        assertThat(request.pipeline()).isSameAs(pipeline);
        assertThat(request.parameters().seed()).isEqualTo(7);
    }

    @Test
    void build_badParameters_saysAllOfThem() {
        SamplingParameters parameters =
                SamplingParameters.builder().topP(1.2).minP(3).build();

        assertThatThrownBy(() -> GenerationRequest.of(PROMPT, parameters))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("min_p must be in [0, 1] in the vLLM dialect, got 3.0; top_p must be in (0, 1] in the vLLM"
                        + " dialect, got 1.2");
    }

    @Test
    void build_withoutAPrompt_saysSo() {
        assertThatThrownBy(() -> GenerationRequest.builder().build())
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("prompt must be given");
    }

    @Test
    void engineOptions_nameWhatIsSet() {
        EngineOptions options = EngineOptions.builder()
                .lora("poet")
                .priority(1)
                .cacheSalt("s")
                .extraArguments(Map.of("zeta", 1, "alpha", 2))
                .build();

        assertThat(options.names()).containsExactly("lora", "priority", "cache_salt", "alpha", "zeta");
        assertThat(EngineOptions.NONE.names()).isEmpty();
    }

    @Test
    void chatMessage_blankRole_isRefused() {
        assertThatThrownBy(() -> ChatMessage.of(" ", "x"))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("role must be a name such as user, got \" \"");
    }

    @Test
    void traceCandidates_negative_isRefused() {
        assertThatThrownBy(() -> GenerationRequest.builder().traceCandidates(-1))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("trace candidates must be at least 0, got -1");
    }

    @Test
    void negativePrompt_withoutUse_orMissing_isRefused() {
        assertThatThrownBy(() -> GenerationRequest.builder()
                        .prompt(PROMPT)
                        .negativePrompt(PROMPT)
                        .build())
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(
                        "the negative prompt would have no effect without guidance_scale: set it, for instance to 1.5,"
                                + " or leave the negative prompt out");
        GenerationRequest.Builder guided =
                GenerationRequest.builder().prompt(PROMPT).pipeline(SamplingPipeline.of(new ClassifierFreeGuidance(2)));
        assertThatThrownBy(guided::build)
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("the pipeline needs a negative prompt, which the request does not have: give it one with"
                        + " negativePrompt(...): logits -> ClassifierFreeGuidance[scale=2.0] -> Categorical[]");
        assertThat(guided.negativePrompt(PROMPT).build().isGuided()).isTrue();
    }

    @Test
    void guidance_ofScaleOne_needsNoNegativePrompt() {
        GenerationRequest request = GenerationRequest.builder()
                .prompt(PROMPT)
                .pipeline(SamplingPipeline.of(new ClassifierFreeGuidance(1)))
                .build();
        assertThat(request.isGuided()).isFalse();
    }

    @Test
    void stopRegex_ofTheEmptyText_isRefused() {
        SamplingParameters parameters =
                SamplingParameters.builder().stopRegex(List.of("END|x*")).build();
        assertThatThrownBy(() -> GenerationRequest.of(PROMPT, parameters))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("stop_regex must not match the empty text, which would end every generation at once, got"
                        + " \"END|x*\"");
    }
}
