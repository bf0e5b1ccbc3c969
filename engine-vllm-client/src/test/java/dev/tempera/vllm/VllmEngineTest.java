package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.SamplingParameters;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.testkit.vllm.FakeVllm;
import org.junit.jupiter.api.Test;

class VllmEngineTest {
    @Test
    void generate_isWhatTheServerDraws() {
        try (FakeVllm server = FakeVllm.start();
                VllmEngine engine = VllmEngine.builder(server.uri()).open();
                VllmEngine tokens = VllmEngine.builder(server.uri())
                        .tokenizer(server.tokenizer())
                        .open()) {
            SamplingParameters parameters = SamplingParameters.builder()
                    .seed(7)
                    .maxTokens(20)
                    .ignoreEos(true)
                    .build();
            GenerationRequest request = GenerationRequest.of(new Prompt.Text("hello"), parameters);
            GenerationResult text = engine.generate(request);
            GenerationResult ids = tokens.generate(request);
            assertThat(text.finishReason()).isEqualTo(FinishReason.LENGTH);
            assertThat(ids.text()).isEqualTo(text.text());
        }
    }
}
