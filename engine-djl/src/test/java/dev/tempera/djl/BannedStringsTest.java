package dev.tempera.djl;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.ProcessorSpec;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenStream;
import dev.tempera.samplemodel.SampleModel;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A phrase that the sample model likes to write does not come when it is banned. */
class BannedStringsTest {
    @Test
    void poemOfSpring_withoutTheWord() {
        int written = 0;
        try (DjlEngine engine = DjlEngine.open(SampleModel.path())) {
            for (long seed = 1; seed <= 5; seed++) {
                String free = engine.generate(request(parameters(seed))).text();
                written += free.contains("春") || free.contains("风") ? 1 : 0;

                StringBuilder shown = new StringBuilder();
                try (TokenStream stream = engine.stream(request(parameters(seed)
                        .processors(List.of(ProcessorSpec.of(
                                "banned_strings",
                                Map.of("strings", List.of("春"), "patterns", List.of("[东西南北]?风")))))))) {
                    stream.forEachRemaining(chunk -> shown.append(chunk.text()));
                    GenerationResult result = stream.result();
                    assertThat(result.text()).hasToString(shown.toString()).hasSizeGreaterThan(10);
                }
                assertThat(shown.toString()).doesNotContain("春").doesNotContain("风");
            }
        }
        assertThat(written).as("poems that have one of them otherwise").isGreaterThan(2);
    }

    private static SamplingParameters.Builder parameters(long seed) {
        return SamplingParameters.builder().temperature(0.3).maxTokens(40).seed(seed);
    }

    private static GenerationRequest request(SamplingParameters.Builder parameters) {
        return GenerationRequest.of(Prompt.chat("请写一首关于春天的诗"), parameters.build());
    }
}
