package dev.tempera.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.ProcessorSpec;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Banned strings seen through an engine: what a reader of the stream gets. */
class BannedStringsTest {
    private static SamplingParameters.Builder banning(List<String> strings) {
        return SamplingParameters.builder()
                .maxTokens(60)
                .processors(List.of(ProcessorSpec.of("banned_strings", Map.of("strings", strings))));
    }

    private static GenerationRequest request(SamplingParameters.Builder parameters) {
        return GenerationRequest.of(new Prompt.Text("say 说"), parameters.build());
    }

    @Test
    void stream_neverShowsAPhrase_noTextIsLost() {
        for (long seed = 0; seed < 30; seed++) {
            ScriptedEngine engine = ScriptedEngine.babbling();
            String free = engine.generate(
                            request(SamplingParameters.builder().seed(seed).maxTokens(60)))
                    .text();
            List<String> banned = new ArrayList<>();
            for (int at = 3; at + 3 < free.length(); at += 4) {
                int from = free.offsetByCodePoints(0, free.codePointCount(0, at));
                banned.add(free.substring(from, from + 1 + at % 3));
            }
            StringBuilder shown = new StringBuilder();
            List<Integer> ids = new ArrayList<>();
            try (TokenStream stream = engine.stream(request(banning(banned).seed(seed)))) {
                stream.forEachRemaining(chunk -> {
                    shown.append(chunk.text());
                    ids.addAll(chunk.tokenIds());
                });
                GenerationResult result = stream.result();
                assertThat(shown).as("seed %d", seed).hasToString(result.text());
                assertThat(ids).as("seed %d", seed).isEqualTo(result.tokenIds()).hasSize(60);
                assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
            }
            String text = shown.toString();
            assertThat(text).as("seed %d", seed).isNotEqualTo(free);
            assertThat(banned).as("seed %d: %s", seed, text).noneMatch(text.toLowerCase(Locale.ROOT)::contains);
        }
    }

    @Test
    void stream_beginningsOfPhrases_areShownTokenByTokenInTheEnd() {
        ScriptedEngine engine = ScriptedEngine.saying("red rose, red leaf");
        List<String> chunks = new ArrayList<>();
        try (TokenStream stream = engine.stream(request(banning(List.of("rosy", "red lead"))))) {
            stream.forEachRemaining(chunk -> chunks.add(chunk.text()));
        }
        assertThat(String.join("", chunks)).isEqualTo("red rose, red leaf");
        assertThat(chunks).hasSize("red rose, red leaf".length() + 1);
    }

    @Test
    void generate_onlyWayIsAPhrase_endsWithoutIt() {
        GenerationResult result = ScriptedEngine.saying("a bad day")
                .generate(request(banning(List.of("bad")).topK(1)));

        assertThat(result.text()).startsWith("a ").doesNotContain("bad");
    }
}
