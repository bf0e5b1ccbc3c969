package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.StructuredOutput;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Everything that a server could be made to refuse, asked of a real one. */
class ErrorShapesIT {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** What is neither {@link Reason#BAD_PARAMETER} nor of a server with other options. */
    private static final Map<String, Reason> REASONS = Map.ofEntries(
            Map.entry("not-found", Reason.NOT_SUPPORTED),
            Map.entry("method-not-allowed", Reason.NOT_SUPPORTED),
            Map.entry("error-no-body", Reason.PROTOCOL),
            Map.entry("completions-error-model", Reason.MODEL_NOT_FOUND),
            Map.entry("chat-error-model", Reason.MODEL_NOT_FOUND),
            Map.entry("generate-error-model", Reason.MODEL_NOT_FOUND),
            Map.entry("completions-error-context", Reason.CONTEXT_TOO_LONG),
            Map.entry("completions-error-context-stream", Reason.CONTEXT_TOO_LONG),
            Map.entry("completions-error-context-with-output", Reason.CONTEXT_TOO_LONG),
            Map.entry("chat-error-context", Reason.CONTEXT_TOO_LONG),
            Map.entry("generate-error-context", Reason.CONTEXT_TOO_LONG));

    static Stream<Recording> refusals() {
        return Recording.all()
                .filter(each ->
                        each.status() >= 400 && each.status() < 500 && !RealVllm.VARIANTS.contains(each.name()));
    }

    /** As it is sent: the client itself refuses most of these before. */
    @ParameterizedTest
    @MethodSource("refusals")
    void recordedRequest_isRefusedAsRecorded_andHasItsReason(Recording recording) throws Exception {
        VllmException refused = send(RealVllm.shared().uri(), recording);

        assertThat(refused.status()).isEqualTo(recording.status());
        assertThat(refused.reason()).isEqualTo(REASONS.getOrDefault(recording.name(), Reason.BAD_PARAMETER));
        JsonNode recorded = Recording.JSON.readTree(recording.body());
        if (recorded.at("/error/param").isTextual()) {
            assertThat(refused.parameter())
                    .isEqualTo(recorded.at("/error/param").asText());
        } else {
            assertThat(refused.parameter()).isNull();
        }
    }

    @Test
    void wrongModel_isRefusedAtTheStart() {
        assertThatThrownBy(() -> VllmEngine.builder(RealVllm.shared().uri())
                        .model("gpt-4")
                        .open())
                .hasMessageContaining("gpt-4")
                .hasMessageContaining(RealVllm.MODEL)
                .isInstanceOfSatisfying(
                        VllmException.class, e -> assertThat(e.reason()).isEqualTo(Reason.MODEL_NOT_FOUND));
    }

    @Test
    void promptLongerThanTheContext_isRefusedByTheServer_wherePromptsAreText() {
        VllmException refused = refusal(request(Prompt.chat("春天".repeat(700)), EngineOptions.NONE));

        assertThat(refused.reason()).isEqualTo(Reason.CONTEXT_TOO_LONG);
        assertThat(refused.contextLength().max()).isEqualTo(1024);
        assertThat(refused.isRetryable()).isFalse();
        assertThat(refused.requestId()).isNotNull();
    }

    /** vLLM looks at a grammar only once the stream is open. */
    @Test
    void badGrammar_isRefusedInTheStream() {
        VllmException refused = refusal(request(
                Prompt.chat("春"),
                EngineOptions.builder()
                        .structuredOutput(new StructuredOutput.Grammar("root = "))
                        .build()));

        assertThat(refused.reason()).isEqualTo(Reason.BAD_PARAMETER);
        assertThat(refused.status()).isEqualTo(200);
        assertThat(refused).hasMessageContaining("rammar");
    }

    @Test
    void requestTemplate_isRefusedByTheServer() {
        VllmException refused = refusal(request(
                Prompt.chat("春"),
                EngineOptions.builder()
                        .fields(Map.of("chat_template", "{{ messages }}"))
                        .build()));

        assertThat(refused.reason()).isEqualTo(Reason.BAD_PARAMETER);
        assertThat(refused).hasMessageContaining("--trust-request-chat-template");
    }

    @Test
    void nobodyListening_isNoConnection() {
        assertThatThrownBy(() ->
                        VllmEngine.builder(URI.create("http://127.0.0.1:1")).open())
                .isInstanceOfSatisfying(
                        VllmException.class, e -> assertThat(e.reason()).isEqualTo(Reason.CONNECTION));
    }

    /** What the server says to exactly what was recorded. */
    static VllmException send(URI server, Recording recording) throws Exception {
        Map<String, String> headers = new HashMap<>();
        for (Map.Entry<String, JsonNode> header :
                recording.request().path("headers").properties()) {
            headers.put(header.getKey(), header.getValue().asText());
        }
        byte[] body = recording.request().path("body").asText("").getBytes(StandardCharsets.UTF_8);
        URI uri = server.resolve(recording.path());
        String method = recording.request().path("method").asText();
        try (HttpTransport transport = HttpTransport.builder().build();
                Transport.Exchange exchange = transport.send(new Transport.Request(method, uri, headers, body))) {
            int status = exchange.status(PATIENCE);
            ByteArrayOutputStream answer = new ByteArrayOutputStream();
            byte[] piece = new byte[8192];
            for (int n = exchange.read(piece, PATIENCE); n >= 0; n = exchange.read(piece, PATIENCE)) {
                answer.write(piece, 0, n);
            }
            assertThat(status).as("%s: %s", recording, answer).isGreaterThanOrEqualTo(400);
            ErrorBody.Asked asked = new ErrorBody.Asked(method, uri, RealVllm.MODEL, List.of(), false, null);
            return ErrorBody.of(asked, status, answer.toByteArray(), null);
        }
    }

    private static VllmException refusal(GenerationRequest request) {
        try (VllmEngine engine = VllmEngine.builder(RealVllm.shared().uri()).open()) {
            return catchThrowableOfType(VllmException.class, () -> engine.generate(request));
        }
    }

    private static GenerationRequest request(Prompt prompt, EngineOptions options) {
        return GenerationRequest.builder()
                .prompt(prompt)
                .parameters(
                        SamplingParameters.builder().temperature(0).maxTokens(4).build())
                .engineOptions(options)
                .build();
    }
}
