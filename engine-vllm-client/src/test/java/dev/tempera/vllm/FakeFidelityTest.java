package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tempera.testkit.vllm.FakeVllm;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** That the fake refuses what vLLM 0.32.0 refused, with the same status, type, parameter and code. */
class FakeFidelityTest {
    /** It has no roles, grammars and ranks, counts no bad words, and looks at sampling_params field by field. */
    private static final Set<String> NOT_DONE_BY_THE_FAKE = Set.of(
            "chat-error-role",
            "completions-error-bad-words-too-many",
            "completions-error-data-parallel-rank",
            "completions-error-structured-grammar",
            "completions-error-structured-regex",
            "generate-error-sampling-type");

    private static FakeVllm server;

    @BeforeAll
    static void start() {
        server = FakeVllm.builder()
                .model("tempera-sample")
                .maxModelLength(1024)
                .maxLogprobs(-1)
                .start();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    static Stream<Recording> refusals() {
        return Recording.all()
                .filter(recording -> recording.name().contains("-error-") && recording.status() != 200)
                .filter(recording -> !NOT_DONE_BY_THE_FAKE.contains(recording.name()));
    }

    @ParameterizedTest
    @MethodSource("refusals")
    void refusal_isTheRecordedOne(Recording recording) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(server.uri().resolve(recording.path()))
                .version(HttpClient.Version.HTTP_1_1)
                .POST(HttpRequest.BodyPublishers.ofString(
                        recording.request().path("body").asText("")));
        for (var header : recording.request().path("headers").properties()) {
            request.header(header.getKey(), header.getValue().asText());
        }
        HttpResponse<String> answer =
                HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
        JsonNode expected = Recording.JSON.readTree(recording.body()).path("error");
        JsonNode found = Recording.JSON.readTree(answer.body()).path("error");

        assertThat(answer.statusCode()).isEqualTo(recording.status());
        for (String field : new String[] {"type", "param", "code"}) {
            assertThat(found.path(field)).as("%s: %s", field, answer.body()).isEqualTo(expected.path(field));
        }
    }
}
