package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.Tool;
import dev.tempera.engine.ToolCall;
import dev.tempera.engine.UnsupportedRequestException;
import dev.tempera.testkit.vllm.FakeVllm;
import dev.tempera.testkit.vllm.Fault;
import dev.tempera.testkit.vllm.ReceivedRequest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class VllmEngineTest {
    private static final SamplingParameters PARAMETERS =
            SamplingParameters.builder().seed(7).maxTokens(20).ignoreEos(true).build();

    private final FakeVllm server = FakeVllm.start();
    private final VllmEngine text = VllmEngine.builder(server.uri()).open();
    private final VllmEngine tokens =
            VllmEngine.builder(server.uri()).tokenizer(server.tokenizer()).open();

    @AfterEach
    void close() {
        text.close();
        tokens.close();
        server.close();
    }

    private static GenerationRequest request(SamplingParameters parameters) {
        return GenerationRequest.of(new Prompt.Text("hello"), parameters);
    }

    private ReceivedRequest lastRequest() {
        List<ReceivedRequest> all = server.requests();
        return all.get(all.size() - 1);
    }

    @Test
    void bothPaths_haveTheSameText() {
        GenerationResult ofText = text.generate(request(PARAMETERS));
        assertThat(lastRequest().path()).isEqualTo("/v1/completions");
        GenerationResult ofTokens = tokens.generate(request(PARAMETERS));
        assertThat(lastRequest().path()).isEqualTo("/inference/v1/generate");

        assertThat(ofTokens.text()).isEqualTo(ofText.text()).isNotEmpty();
        assertThat(ofTokens.tokenIds()).isEqualTo(ofText.tokenIds()).hasSize(20);
        assertThat(ofTokens.usage()).isEqualTo(ofText.usage());
        assertThat(ofText.details()).containsKeys("request_id", "system_fingerprint");
    }

    @Test
    void chat_isRenderedByTheServer_onBothPaths() {
        GenerationRequest request = GenerationRequest.of(Prompt.chat("hello"), PARAMETERS);
        GenerationResult ofText = text.generate(request);
        assertThat(lastRequest().path()).isEqualTo("/v1/chat/completions");
        GenerationResult ofTokens = tokens.generate(request);
        assertThat(lastRequest().path()).isEqualTo("/inference/v1/generate");

        assertThat(ofTokens.text()).isEqualTo(ofText.text());
        assertThat(ofTokens.usage()).isEqualTo(ofText.usage());
    }

    @Test
    void chat_mayBeRenderedHere() {
        try (VllmEngine local = VllmEngine.builder(server.uri())
                .tokenizer(server.tokenizer())
                .chatTemplate((messages, variables) -> "hel" + messages.get(0).content())
                .chatRendering(ChatRendering.LOCAL)
                .open()) {
            int before = server.requests().size();
            String ofChat = local.generate(GenerationRequest.of(Prompt.chat("lo"), PARAMETERS))
                    .text();

            assertThat(ofChat).isEqualTo(tokens.generate(request(PARAMETERS)).text());
            assertThat(server.requests()).hasSize(before + 2); // none to render
        }
    }

    @Test
    void tools_areAskedFor_byTheServersParser() {
        try (FakeVllm server = FakeVllm.builder()
                        .toolCall("weather", "{\"city\": \"Xi'an\"}")
                        .start();
                VllmEngine engine = VllmEngine.builder(server.uri())
                        .tokenizer(server.tokenizer())
                        .open()) {
            Prompt prompt = new Prompt.Chat(
                    List.of(ChatMessage.user("How is the weather?")),
                    List.of(new Tool("weather", "of a city", Map.of("type", "object"))));
            SamplingParameters enough =
                    SamplingParameters.builder().maxTokens(300).build();
            GenerationResult result = engine.generate(GenerationRequest.of(prompt, enough));

            assertThat(result.finishReason()).isEqualTo(FinishReason.TOOL_CALLS);
            assertThat(result.toolCalls()).extracting(ToolCall::name).containsExactly("weather");
            assertThat(result.toolCalls()).extracting(ToolCall::arguments).containsExactly("{\"city\": \"Xi'an\"}");
        }
    }

    @Test
    void reasoning_isToldFromTheText_whereTheServerDoes() {
        try (FakeVllm server = FakeVllm.builder().reasoning("Let me think.").start();
                VllmEngine engine = VllmEngine.builder(server.uri()).open()) {
            SamplingParameters enough = PARAMETERS.toBuilder().maxTokens(40).build();
            GenerationResult result = engine.generate(GenerationRequest.of(Prompt.chat("hello"), enough));

            assertThat(result.reasoning()).isEqualTo("Let me think.");
            assertThat(result.text()).isNotEmpty().doesNotContain("think");
            assertThat(result.tokenIds()).hasSize(40);
        }
    }

    @Test
    void everyNeutralValue_isSent_soThatTheServersDefaultsDoNotCount() {
        text.generate(request(SamplingParameters.builder().maxTokens(3).build()));

        assertThat(lastRequest().json())
                .containsEntry("temperature", 1.0)
                .containsEntry("top_p", 1.0)
                .containsEntry("top_k", 0)
                .containsEntry("min_p", 0.0)
                .containsEntry("repetition_penalty", 1.0)
                .containsEntry("presence_penalty", 0.0)
                .containsEntry("frequency_penalty", 0.0)
                .containsEntry("min_tokens", 0)
                .containsEntry("max_tokens", 3)
                .containsEntry("model", "fake");
    }

    @Test
    void maxTokens_isCutToTheContext_andTheResultSaysSo() {
        GenerationResult result = tokens.generate(request(SamplingParameters.builder()
                .seed(1)
                .ignoreEos(true)
                .maxTokens(100_000)
                .build()));

        assertThat(result.effectiveParameters().maxTokens()).isEqualTo(512 - 5);
        assertThat(result.usage().totalTokens()).isEqualTo(512);
        assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void stopReason_isTold() {
        GenerationResult whole = tokens.generate(request(PARAMETERS));
        int stop = whole.tokenIds().get(6);
        GenerationResult byId = tokens.generate(
                request(PARAMETERS.toBuilder().stopTokenIds(List.of(stop)).build()));

        assertThat(byId.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(byId.details().get("stop_reason")).hasToString(String.valueOf(stop));
        assertThat(byId.tokenIds()).endsWith(stop);
        String stopText = whole.text().substring(4, 6);
        GenerationResult byText = text.generate(
                request(PARAMETERS.toBuilder().stop(List.of(stopText)).build()));
        assertThat(byText.details()).containsEntry("stop_reason", stopText);
        assertThat(byText.text())
                .isEqualTo(whole.text().substring(0, whole.text().indexOf(stopText)));
    }

    @Test
    void logprobs_areKeyedByTokenId_onEveryRoute() {
        for (VllmEngine engine : List.of(text, tokens)) {
            for (Prompt prompt : List.of(new Prompt.Text("hello"), Prompt.chat("hello"))) {
                GenerationResult result = engine.generate(GenerationRequest.builder()
                        .prompt(prompt)
                        .parameters(PARAMETERS)
                        .logprobs(3)
                        .build());

                Logprobs logprobs = Objects.requireNonNull(result.logprobs());
                assertThat(logprobs.stage()).isEqualTo(Logprobs.Stage.RAW_LOGPROBS);
                assertThat(logprobs.positions()).hasSize(20).allSatisfy(position -> {
                    assertThat(position.top()).hasSize(3);
                    assertThat(position.top()).extracting(Logprobs.Token::rank).containsExactly(1, 2, 3);
                    assertThat(position.top())
                            .extracting(Logprobs.Token::value)
                            .isSortedAccordingTo(Collections.reverseOrder());
                    assertThat(position.drawn().value()).isLessThanOrEqualTo(0);
                });
                if (engine == tokens) {
                    assertThat(logprobs.positions())
                            .extracting(position -> position.drawn().tokenId())
                            .isEqualTo(result.tokenIds());
                }
            }
        }
    }

    @Test
    void severalTexts_ofOneRequest_areThoseOfTheirSeeds() {
        for (Fault fault : List.of(Fault.NONE, Fault.reversedChoices(), Fault.usageOnEveryChunk())) {
            for (VllmEngine engine : List.of(text, tokens)) {
                int before = server.requests().size();
                server.failNext(fault);
                List<GenerationResult> texts = engine.generate(request(PARAMETERS), 3);
                assertThat(server.requests()).hasSize(before + 1);

                assertThat(texts).hasSize(3);
                for (int i = 0; i < 3; i++) {
                    GenerationResult alone =
                            engine.generate(request(texts.get(i).effectiveParameters()));
                    assertThat(texts.get(i).effectiveParameters().seed()).isEqualTo(7L + i);
                    assertThat(texts.get(i).text()).as("%s", fault).isEqualTo(alone.text());
                    assertThat(texts.get(i).usage()).isEqualTo(alone.usage());
                    assertThat(texts.get(i).finishReason()).isEqualTo(FinishReason.LENGTH);
                }
            }
        }
    }

    @Test
    void severalTexts_thatCannotBe_areRefused() {
        assertThatThrownBy(() -> text.generate(
                        request(PARAMETERS.toBuilder().temperature(0).build()), 2))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessageContaining("n must be 1 when decoding is greedy");
        assertThatThrownBy(() -> text.generate(request(PARAMETERS), 0))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessageContaining("n must be from 1");
        server.failNext(Fault.errorAfterTokens(9));
        assertThatThrownBy(() -> text.generate(request(PARAMETERS), 3))
                .isInstanceOfSatisfying(VllmException.class, e -> {
                    assertThat(e.reason()).isEqualTo(Reason.GENERATION_FAILED);
                    assertThat(Objects.requireNonNull(e.partialResult()).tokenIds())
                            .hasSizeBetween(1, 9);
                });
    }

    @Test
    void processorOfThisJvm_isRefusedUnlessAllowed() {
        GenerationRequest request = GenerationRequest.builder()
                .prompt(new Prompt.Text("hello"))
                .parameters(
                        SamplingParameters.builder().typicalP(0.9).maxTokens(3).build())
                .dialect(Dialect.TRANSFORMERS)
                .build();
        assertThatThrownBy(() -> tokens.stream(request))
                .isInstanceOf(UnsupportedRequestException.class)
                .hasMessageContaining("TypicalP");
        try (VllmEngine allowed = VllmEngine.builder(server.uri())
                .tokenizer(server.tokenizer())
                .allowStepwise(true)
                .open()) {
            assertThat(allowed.generate(request).tokenIds()).hasSize(3);
        }
    }

    @Test
    void tap_seesEveryPayload() {
        List<String> seen = new ArrayList<>();
        try (VllmEngine engine = VllmEngine.builder(server.uri())
                .eventTap((id, payload) -> seen.add(id + " " + payload))
                .open()) {
            Object id = engine.generate(request(PARAMETERS)).details().get("request_id");

            assertThat(seen)
                    .hasSizeGreaterThan(20)
                    .allSatisfy(line -> assertThat(line).startsWith(id + " "));
            assertThat(seen.get(0)).contains("\"choices\"");
            assertThat(seen.get(seen.size() - 1)).endsWith(" [DONE]");
        }
    }

    @Test
    void brokenTap_isAFailureOfTheGeneration() {
        try (VllmEngine engine = VllmEngine.builder(server.uri())
                .eventTap((id, payload) -> {
                    throw new IllegalStateException("the tap is broken");
                })
                .open()) {
            assertThatThrownBy(() -> engine.generate(request(PARAMETERS))).hasMessageContaining("the tap is broken");
        }
    }

    @Test
    void connection_isUsedAgain() {
        for (int i = 0; i < 5; i++) {
            text.generate(request(PARAMETERS));
            tokens.generate(request(PARAMETERS));
        }
        assertThat(server.connections()).isLessThanOrEqualTo(2);
    }
}
