package dev.tempera.testkit.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class RecordedVllmTest {
    @TempDir
    private Path folder;

    @BeforeEach
    void write() throws Exception {
        record(
                "plain",
                "POST",
                "\"{\\\"prompt\\\": \\\"春\\\", \\\"n\\\": 1}\"",
                "",
                "\"{\\\"text\\\": \", \"\\\"天\\\"}\"");
        record(
                "stream",
                "POST",
                "\"{\\\"stream\\\": true}\"",
                "\"transfer-encoding\": \"chunked\"",
                "\"data: 春\\n\\n\", \"data: [DONE]\\n\\n\"");
        record("no-body", "GET", "null", "\"x\": \"y\"", "");
    }

    private void record(String name, String method, String body, String headers, String pieces) throws Exception {
        Files.writeString(
                folder.resolve(name + ".json"),
                "{\"name\": \"" + name + "\", \"request\": {\"method\": \"" + method
                        + "\", \"path\": \"/v1/x\", \"headers\": {\"X-Request-Id\": \"" + name + "\"}, \"body\": "
                        + body
                        + "}, \"response\": {\"status\": 200, \"headers\": {" + headers + "}, \"body\": [" + pieces
                        + "]}}");
    }

    private static HttpResponse<String> send(URI server, String body) throws Exception {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(server.resolve("/v1/x")).version(HttpClient.Version.HTTP_1_1);
        return HttpClient.newHttpClient()
                .send(
                        (body == null ? request.GET() : request.POST(HttpRequest.BodyPublishers.ofString(body)))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void request_isFoundByWhatItAsks_notByHowItIsWritten() throws Exception {
        try (RecordedVllm server = RecordedVllm.start(folder)) {
            assertThat(send(server.uri(), "{\"n\":1,\"prompt\":\"春\"}").body()).isEqualTo("{\"text\": \"天\"}");
            assertThat(send(server.uri(), "{\"stream\":true}").body()).isEqualTo("data: 春\n\ndata: [DONE]\n\n");
            assertThat(send(server.uri(), null).headers().firstValue("x")).contains("y");
            assertThat(send(server.uri(), "{\"n\":2}").statusCode()).isEqualTo(501);
            assertThat(server.requests()).hasSize(4);
        }
    }

    @Test
    void playNext_isPlayedWhateverIsAsked_once() throws Exception {
        try (RecordedVllm server = RecordedVllm.start(folder, Fault.splitEvery(1))) {
            server.playNext("stream");

            assertThat(send(server.uri(), "{\"n\":2}").body()).startsWith("data: 春");
            assertThat(send(server.uri(), "{\"n\":2}").statusCode()).isEqualTo(501);
            assertThatThrownBy(() -> server.playNext("none"))
                    .hasMessage("there is no recording named \"none\"; there are [no-body, plain, stream]");
        }
    }
}
