package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.djl.Dtype;
import dev.tempera.testkit.ScriptedEngine;
import dev.tempera.vllm.ChatRendering;
import dev.tempera.vllm.Stepwise;
import dev.tempera.vllm.Timeouts;
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ModelOptionsTest {
    private static ModelChoice chosen(String... options) {
        List<String> typed = new ArrayList<>(List.of("generate", "x"));
        typed.addAll(List.of(options));
        List<ModelChoice> opened = new ArrayList<>();
        Environment environment = new Environment(
                new ByteArrayInputStream(new byte[0]),
                Map.of("VLLM_API_KEY", "k1"),
                new Run.Screen(false, 0),
                model -> {
                    opened.add(model);
                    return ScriptedEngine.saying("x");
                });
        assertThat(Run.in(environment, typed.toArray(String[]::new)).err()).isEmpty();
        return opened.get(0);
    }

    @Test
    void nothing_isTheSampleModelAndTheEnginesOwnChoice() {
        assertThat(chosen()).isEqualTo(new DjlChoice(null, null, null, null, null));
    }

    @Test
    void engineAndModel_nameTheSameFolder() {
        assertThat(chosen("--engine", "djl:some/folder")).isEqualTo(chosen("--model", "some/folder"));
    }

    @Test
    void everyOption_reachesTheEngine() {
        assertThat(chosen("--model=m", "--device=gpu1", "--dtype=float32", "--context-length=4096", "--threads=2"))
                .isEqualTo(new DjlChoice(Path.of("m"), "gpu1", Dtype.FLOAT32, 4096, 2));
    }

    @Test
    void server_isReachedByDefaults() {
        VllmChoice choice = (VllmChoice) chosen("--engine", "vllm:http://localhost:8000");
        assertThat(choice)
                .isEqualTo(new VllmChoice(
                        List.of(URI.create("http://localhost:8000")),
                        new ApiKey("k1"),
                        null,
                        null,
                        null,
                        null,
                        Timeouts.DEFAULT));
        assertThat(choice.toString()).contains("(secret)").doesNotContain("k1");
    }

    @Test
    void everyOption_reachesTheServer() {
        assertThat(chosen(
                        "--engine=vllm:http://a:1/x,https://b",
                        "--api-key=k2",
                        "--served-model=poet",
                        "--tokenizer=t",
                        "--chat-template=local",
                        "--stepwise",
                        "--stepwise-draft=8",
                        "--timeout=connect=1,between-tokens=0.5",
                        "--timeout=9"))
                .isEqualTo(new VllmChoice(
                        List.of(URI.create("http://a:1/x"), URI.create("https://b")),
                        new ApiKey("k2"),
                        "poet",
                        Path.of("t"),
                        ChatRendering.LOCAL,
                        Stepwise.DEFAULT.withDraft(8),
                        new Timeouts(
                                Duration.ofSeconds(1),
                                Timeouts.DEFAULT.firstToken(),
                                Duration.ofMillis(500),
                                Duration.ofSeconds(9))));
    }
}
