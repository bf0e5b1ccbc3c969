package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import dev.tempera.SamplingParameters;
import dev.tempera.TemperaException;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenStream;
import java.net.URI;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Servers with other options, one at a time: each takes a minute to start. */
class OtherServersIT {
    private static final Prompt SPRING = new Prompt.Text("春天");
    private static final List<Integer> SPRING_IDS = List.of(395, 406);

    private static LocalModel local;

    @BeforeAll
    static void open() {
        local = new LocalModel();
    }

    @AfterAll
    static void close() {
        local.close();
    }

    @Test
    void withAKey_fewLogprobs_andNoRouteForTokens() throws Exception {
        try (RealVllm server = RealVllm.start(
                "--api-key",
                "secret",
                "--max-logprobs",
                "5",
                "--logprobs-mode",
                "processed_logprobs",
                "--no-enable-scale-out",
                "--enable-force-include-usage",
                "--no-enable-auto-tool-choice")) {
            for (String key : new String[] {null, "wrong"}) {
                assertThatThrownBy(() -> VllmEngine.builder(server.uri())
                                .apiKey(() -> key)
                                .open())
                        .isInstanceOfSatisfying(
                                VllmException.class, e -> assertThat(e.reason()).isEqualTo(Reason.UNAUTHORIZED))
                        .hasMessageContaining("401");
            }
            for (String name : RealVllm.VARIANTS) {
                VllmException refused = ErrorShapesIT.send(server.uri(), Recording.named(name));
                assertThat(refused.status()).isEqualTo(Recording.named(name).status());
                assertThat(refused.reason())
                        .as(name)
                        .isEqualTo(refused.status() == 400 ? Reason.BAD_PARAMETER : Reason.UNAUTHORIZED);
            }
            try (VllmEngine engine = VllmEngine.builder(server.uri())
                    .apiKey("secret")
                    .tokenizer(local.engine().tokenizer())
                    .open()) {
                Capabilities found = engine.capabilities();
                assertThat(found.version()).isEqualTo("0.32.0");
                assertThat(found.maxLogprobs()).isEqualTo(5);
                assertThat(found.logprobsStage()).isEqualTo(Logprobs.Stage.PROCESSED_LOGPROBS);
                assertThat(found.tokenRoute()).isEqualTo(Capabilities.TokenRoute.NONE);
                assertThat(found.sameTokenizer()).isTrue();
                assertThat(found.contextLength()).isEqualTo(1024);

                assertThat(engine.generate(greedy(SPRING, 20)).text()).isEqualTo("上天上天中仙。");
                assertThatThrownBy(() -> engine.generate(GenerationRequest.builder()
                                .prompt(SPRING)
                                .logprobs(6)
                                .build()))
                        .isInstanceOf(TemperaException.class)
                        .isNotInstanceOf(VllmException.class)
                        .hasMessageContaining("6")
                        .hasMessageContaining("5");

                SamplingParameters parameters = SamplingParameters.builder()
                        .temperature(0.7)
                        .topK(4)
                        .repetitionPenalty(1.3)
                        .maxTokens(1)
                        .build();
                double[] exact = local.distribution(parameters, SPRING_IDS, List.of(), local.logits(SPRING_IDS));
                GenerationResult result = engine.generate(GenerationRequest.builder()
                        .prompt(SPRING)
                        .parameters(parameters)
                        .logprobs(4)
                        .build());
                Logprobs.Position told = result.logprobs().positions().get(0);
                assertThat(told.top()).hasSize(4);
                told.top()
                        .forEach(token ->
                                assertThat(token.value()).isCloseTo(Math.log(exact[token.tokenId()]), within(1e-3)));
            }
        }
    }

    /** vLLM's CPU engine dies of a seeded prompt that is prefilled in two steps. */
    @Test
    void rawLogits_andADeadEngine() throws Exception {
        URI address;
        try (RealVllm server = RealVllm.start(
                "VLLM_KEEP_ALIVE_ON_ENGINE_DEATH=1",
                "--logprobs-mode",
                "raw_logits",
                "--enable-chunked-prefill",
                "--max-num-batched-tokens",
                "256")) {
            address = server.uri();
            try (VllmEngine engine = VllmEngine.builder(server.uri())
                    .tokenizer(local.engine().tokenizer())
                    .retries(Retries.NONE)
                    .resume(false)
                    .open()) {
                assertThat(engine.capabilities().logprobsStage()).isEqualTo(Logprobs.Stage.RAW_LOGITS);
                float[] logits = local.logits(SPRING_IDS);
                GenerationResult told = engine.generate(GenerationRequest.builder()
                        .prompt(SPRING)
                        .parameters(SamplingParameters.builder().maxTokens(1).build())
                        .logprobs(20)
                        .build());
                Logprobs.Position first = told.logprobs().positions().get(0);
                assertThat(first.top()).hasSize(20);
                first.top()
                        .forEach(token -> assertThat(token.value()).isCloseTo(logits[token.tokenId()], within(1e-3)));

                try (TokenStream running = engine.stream(GenerationRequest.of(
                        SPRING,
                        SamplingParameters.builder()
                                .ignoreEos(true)
                                .maxTokens(1000)
                                .build()))) {
                    running.next();
                    VllmException killed = catchThrowableOfType(
                            VllmException.class,
                            () -> engine.generate(GenerationRequest.of(
                                    new Prompt.Text("春天".repeat(200)),
                                    SamplingParameters.builder()
                                            .seed(1L)
                                            .maxTokens(1)
                                            .build())));
                    assertThat(killed.reason()).isEqualTo(Reason.ENGINE_DEAD);

                    VllmException broken = catchThrowableOfType(VllmException.class, () -> {
                        while (running.hasNext()) {
                            running.next();
                        }
                    });
                    assertThat(broken.reason()).isEqualTo(Reason.ENGINE_DEAD);
                    assertThat(broken.partialResult().text()).isNotEmpty();
                }
                VllmException after =
                        catchThrowableOfType(VllmException.class, () -> engine.generate(greedy(SPRING, 1)));
                assertThat(after.isRetryable()).isTrue();
            }
        }
        URI gone = address;
        assertThatThrownBy(() -> VllmEngine.builder(gone).retries(Retries.NONE).open())
                .isInstanceOfSatisfying(
                        VllmException.class, e -> assertThat(e.reason()).isEqualTo(Reason.CONNECTION));
    }

    private static GenerationRequest greedy(Prompt prompt, int maxTokens) {
        return GenerationRequest.of(
                prompt,
                SamplingParameters.builder().temperature(0).maxTokens(maxTokens).build());
    }
}
