package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.InvalidParametersException;
import dev.tempera.engine.EngineOptions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class VllmOptionsTest {
    @Test
    void everyFieldHasAMethod() {
        EngineOptions options = VllmOptions.builder()
                .promptLogprobs(2)
                .logprobTokenIds(List.of(1, 2))
                .truncatePromptTokens(-1)
                .truncationSide("left")
                .echo(true)
                .useBeamSearch(true)
                .lengthPenalty(1.2)
                .responseFormat(Map.of("type", "json_object"))
                .toolChoice("auto")
                .parallelToolCalls(false)
                .reasoningEffort("low")
                .includeReasoning(false)
                .chatTemplate("{{ messages }}")
                .chatTemplateArguments(Map.of("enable_thinking", false))
                .addGenerationPrompt(false)
                .continueFinalMessage(true)
                .addSpecialTokens(false)
                .documents(List.of(Map.of("title", "a", "text", "b")))
                .skipSpecialTokens(false)
                .spacesBetweenSpecialTokens(false)
                .streamInterval(4)
                .watermarking(false)
                .kvTransferParameters(Map.of("do_remote_decode", true))
                .encoderTransferParameters(Map.of("x", 1))
                .build(EngineOptions.builder().cacheSalt("salt"));
        assertThat(options.cacheSalt()).isEqualTo("salt");
        assertThat(options.fields().keySet())
                .containsExactlyInAnyOrderElementsOf(Arrays.stream(BodyField.values())
                        .map(BodyField::wireName)
                        .toList());
        assertThat(options.fields())
                .containsEntry("prompt_logprobs", 2)
                .containsEntry("chat_template_kwargs", Map.of("enable_thinking", false))
                .containsEntry("truncation_side", "left");
    }

    @Test
    void toolChoiceOfOneFunction() {
        assertThat(VllmOptions.builder().toolChoiceFunction("weather").fields())
                .containsEntry("tool_choice", Map.of("type", "function", "function", Map.of("name", "weather")));
    }

    @Test
    void everyBadValueIsInOneMessage() {
        assertThatThrownBy(() -> VllmOptions.builder()
                        .truncationSide("top")
                        .streamInterval(0)
                        .field("temperature", 1)
                        .build())
                .isInstanceOf(InvalidParametersException.class)
                .hasMessageContainingAll(
                        "truncation_side must be \"left\" or \"right\", got top",
                        "stream_interval must be a whole number of at least 1, got 0",
                        "temperature is not a further field: set it with SamplingParameters");
    }

    @Test
    void otherFieldsAreSentAsTheyAre() {
        assertThat(VllmOptions.builder().field("some_new_field", 3).fields()).containsEntry("some_new_field", 3);
    }
}
