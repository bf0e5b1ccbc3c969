package dev.tempera.testkit.vllm;

import static dev.tempera.testkit.vllm.HttpCalls.events;
import static dev.tempera.testkit.vllm.HttpCalls.post;
import static dev.tempera.testkit.vllm.HttpCalls.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** That every fault does what it says, seen by a plain client or on the bare socket. */
@Timeout(60)
class FaultTest {
    private static final String PATH = "/v1/completions";
    private static final String BODY =
            "{\"prompt\":\"Hello\",\"stream\":true,\"temperature\":0,\"max_tokens\":12,\"ignore_eos\":true}";

    /** What comes of a request, byte by byte, and how it ends. */
    private record Heard(byte[] bytes, String end) {
        String text() {
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }

    private static Heard listen(FakeVllm server, String body) throws IOException {
        return listen(server, body, heard -> false);
    }

    /** @param enough whether all has come that is expected: then a tenth of a second without a byte is silence */
    private static Heard listen(FakeVllm server, String body, Predicate<String> enough) throws IOException {
        try (Socket socket = send(server, body)) {
            ByteArrayOutputStream heard = new ByteArrayOutputStream();
            InputStream in = socket.getInputStream();
            String end;
            try {
                socket.setSoTimeout(enough.test("") ? 100 : 30_000);
                for (int b = in.read(); b >= 0; b = in.read()) {
                    heard.write(b);
                    if (enough.test(heard.toString(StandardCharsets.UTF_8))) {
                        socket.setSoTimeout(100);
                    }
                }
                end = "closed";
            } catch (SocketTimeoutException e) {
                end = "silent";
            } catch (SocketException e) {
                end = "reset";
            }
            return new Heard(heard.toByteArray(), end);
        }
    }

    private static Socket send(FakeVllm server, String body) throws IOException {
        Socket socket = new Socket("127.0.0.1", server.port());
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        socket.getOutputStream()
                .write(("POST " + PATH + " HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: "
                                + bytes.length + "\r\n\r\n" + body)
                        .getBytes(StandardCharsets.UTF_8));
        return socket;
    }

    private static FakeVllm with(Fault fault) {
        return FakeVllm.builder().fault(fault).start();
    }

    private static List<JsonNode> eventsWith(Fault fault) {
        try (FakeVllm server = with(fault)) {
            return events(server, PATH, BODY);
        }
    }

    private static String expectedText() {
        return text(eventsWith(Fault.NONE), 0);
    }

    @Test
    void reset_isExactToTheByte() throws IOException {
        for (int position : new int[] {0, 1, 50, 700}) {
            try (FakeVllm server = with(Fault.resetAtByte(position))) {
                Heard heard = listen(server, BODY);
                assertThat(heard.bytes()).hasSize(position);
                assertThat(heard.end()).isEqualTo("reset");
            }
        }
    }

    @Test
    void close_isExactToTheByte() throws IOException {
        for (int position : new int[] {0, 1, 50, 700}) {
            try (FakeVllm server = with(Fault.closeAtByte(position))) {
                Heard heard = listen(server, BODY);
                assertThat(heard.bytes()).hasSize(position);
                assertThat(heard.end()).isEqualTo("closed");
            }
        }
    }

    @Test
    void stall_saysNothingMore_untilTheClientLeaves() throws Exception {
        record Case(Fault fault, Predicate<String> said, int aborted) {}
        for (Case one : List.of(
                new Case(Fault.stallBeforeHeaders(), String::isEmpty, 0),
                new Case(Fault.stallAtByte(60), heard -> heard.length() == 60, 1),
                new Case(Fault.stallAfterTokens(3), heard -> heard.split("data: ", -1).length == 4, 1))) {
            try (FakeVllm server = with(one.fault)) {
                Heard heard = listen(server, BODY, one.said);
                assertThat(heard.end()).as(one.fault.toString()).isEqualTo("silent");
                assertThat(heard.text()).matches(one.said);
                server.awaitIdle(Duration.ofSeconds(30));
                assertThat(server.aborted()).isEqualTo(one.aborted);
            }
        }
    }

    @Test
    void split_changesNoByteOfTheBody() throws IOException {
        String whole;
        try (FakeVllm server = with(Fault.NONE)) {
            whole = post(server, PATH, BODY).body();
        }
        for (int size : new int[] {1, 2, 7}) {
            try (FakeVllm server = with(Fault.splitEvery(size))) {
                assertThat(post(server, PATH, BODY).body()).isEqualTo(whole);
                String chunked = listen(server, BODY, heard -> heard.endsWith("\r\n0\r\n\r\n"))
                        .text();
                String body = chunked.substring(chunked.indexOf("\r\n\r\n") + 4);
                assertThat(body).startsWith(size + "\r\n" + whole.substring(0, size) + "\r\n" + size + "\r\n");
            }
        }
    }

    @Test
    void mergedEmptyCommentedAndReversed_sayTheSame() {
        String expected = expectedText();

        assertThat(eventsWith(Fault.mergeTokens(5))).hasSize(3);
        for (Fault fault : List.of(
                Fault.mergeTokens(5), Fault.emptyDeltas(), Fault.keepAliveComments(), Fault.usageOnEveryChunk())) {
            assertThat(text(eventsWith(fault), 0)).as(fault.toString()).isEqualTo(expected);
        }
        assertThat(eventsWith(Fault.emptyDeltas())).hasSize(24);
        assertThat(eventsWith(Fault.usageOnEveryChunk())).allMatch(event -> event.has("usage"));
        try (FakeVllm server = with(Fault.keepAliveComments())) {
            assertThat(post(server, PATH, BODY).body()).startsWith(": keep-alive\n\ndata: ");
        }
        try (FakeVllm server = with(Fault.reversedChoices())) {
            List<JsonNode> events =
                    events(server, PATH, BODY.replace("\"temperature\":0", "\"temperature\":1,\"n\":3,\"seed\":1"));
            assertThat(events.get(0).at("/choices/0/index").asInt()).isEqualTo(2);
        }
    }

    @Test
    void emptyDelta_ofAChat_isAnEmptyObject() {
        try (FakeVllm server = with(Fault.emptyDeltas())) {
            List<JsonNode> events = events(
                    server,
                    "/v1/chat/completions",
                    "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"stream\":true,\"max_tokens\":3}");
            assertThat(events.get(1).at("/choices/0/delta").toString()).isEqualTo("{}");
        }
    }

    @Test
    void duplicateUsage_comesTwice() {
        List<JsonNode> events = eventsWith(Fault.duplicateUsage());

        assertThat(events).hasSize(14);
        assertThat(events.get(12)).isEqualTo(events.get(13));
        assertThat(events.get(12).at("/usage/completion_tokens").asInt()).isEqualTo(12);
    }

    @Test
    void errorInTheStream_isFollowedByDone() {
        List<JsonNode> events = eventsWith(Fault.errorAfterTokens(4));

        assertThat(events).hasSize(5);
        assertThat(events.get(4).toString())
                .isEqualTo("{\"error\":{\"message\":\"Internal server error\",\"type\":\"InternalServerError\","
                        + "\"param\":null,\"code\":500}}");
        assertThat(expectedText()).startsWith(text(events, 0));
    }

    @Test
    void errorBeforeAWholeAnswer_isItsStatus() {
        try (FakeVllm server = with(Fault.errorAfterTokens(4))) {
            HttpResponse<String> response = post(server, PATH, BODY.replace("\"stream\":true,", ""));
            assertThat(response.statusCode()).isEqualTo(500);
        }
    }

    @Test
    void abort_isAFinishReason() {
        List<JsonNode> events = eventsWith(Fault.abortAfterTokens(4));

        assertThat(events).hasSize(5);
        assertThat(events.get(4).at("/choices/0/finish_reason").asText()).isEqualTo("abort");
    }

    @Test
    void abortWithoutAToken_isNotSentInTheOlderShape() {
        String body = "{\"token_ids\":[72],\"stream\":true,\"sampling_params\":{\"max_tokens\":9}}";
        for (FakeVllm.GenerateRoute route :
                List.of(FakeVllm.GenerateRoute.TOKEN_IDS, FakeVllm.GenerateRoute.TOKEN_ID_STRINGS)) {
            try (FakeVllm server = FakeVllm.builder()
                    .generateRoute(route)
                    .fault(Fault.abortAfterTokens(2))
                    .start()) {
                assertThat(events(server, "/inference/v1/generate", body))
                        .hasSize(route == FakeVllm.GenerateRoute.TOKEN_IDS ? 3 : 2);
            }
        }
    }

    @Test
    void missingDone_andMissingFinishReason_areMissing() {
        try (FakeVllm server = with(Fault.noDone())) {
            assertThat(post(server, PATH, BODY).body())
                    .doesNotContain("[DONE]")
                    .contains("\"finish_reason\":\"length\"");
        }
        assertThat(eventsWith(Fault.noFinishReason()))
                .allMatch(event -> event.at("/choices/0/finish_reason").isNull());
    }

    @Test
    void otherAnswers_areGivenAsTheyAre() {
        record Case(Fault fault, int status, String body) {}
        for (Case one : List.of(
                new Case(Fault.htmlBadGateway(), 502, "<center>nginx</center>"),
                new Case(Fault.emptyServerError(), 500, ""),
                new Case(Fault.unauthorized(), 401, "{\"error\":\"Unauthorized\"}"),
                new Case(Fault.scaling(), 503, "currently scaling"),
                new Case(Fault.engineDead(), 500, "EngineCore encountered an issue"),
                new Case(Fault.answer(418, "text/plain", "short and stout"), 418, "short and stout"))) {
            try (FakeVllm server = with(one.fault)) {
                HttpResponse<String> response = post(server, PATH, BODY);
                assertThat(response.statusCode()).isEqualTo(one.status);
                assertThat(response.body()).contains(one.body);
            }
        }
        try (FakeVllm server = with(Fault.rateLimited(Duration.ofSeconds(3)))) {
            HttpResponse<String> response = post(server, PATH, BODY);
            assertThat(response.statusCode()).isEqualTo(429);
            assertThat(response.headers().firstValue("retry-after")).contains("3");
        }
    }

    @Test
    void failNext_isForOneRequestEach_andSlowStartOnlyWaits() {
        try (FakeVllm server = FakeVllm.start()) {
            server.failNext(Fault.scaling(), Fault.slowStart(Duration.ofMillis(20)));

            assertThat(post(server, PATH, BODY).statusCode()).isEqualTo(503);
            long start = System.nanoTime();
            assertThat(post(server, PATH, BODY).statusCode()).isEqualTo(200);
            assertThat(System.nanoTime() - start).isGreaterThan(20_000_000);
            assertThat(post(server, PATH, BODY).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void deadEngine_endsStreamsAndRefuses() throws IOException {
        try (FakeVllm server =
                FakeVllm.builder().tokenDelay(Duration.ofMillis(5)).start()) {
            try (Socket socket = send(server, BODY.replace("12", "400"))) {
                InputStream in = socket.getInputStream();
                byte[] some = in.readNBytes(400);
                server.killEngine();
                socket.setSoTimeout(10_000);
                StringBuilder rest = new StringBuilder(new String(some, StandardCharsets.UTF_8));
                while (rest.indexOf("[DONE]") < 0) {
                    rest.append((char) in.read());
                }
                assertThat(rest).contains("EngineCore encountered an issue");
            }
            assertThat(HttpCalls.get(server, "/health").statusCode()).isEqualTo(503);
            assertThat(post(server, PATH, BODY).statusCode()).isEqualTo(500);
        }
    }

    @Test
    void clientThatLeaves_isNoticed_whileStreamingSlowly_waitingAndAnsweringWhole() throws Exception {
        try (FakeVllm server = FakeVllm.builder()
                .tokenDelay(Duration.ofSeconds(20))
                .maxConcurrent(2)
                .start()) {
            try (Socket streaming = send(server, BODY);
                    Socket whole = send(server, BODY.replace("\"stream\":true,", ""));
                    Socket waiting = sendOnceBusy(server)) {
                waitFor(() -> server.running() == 2 && server.waiting() == 1);
                assertThat(streaming.isConnected() && whole.isConnected() && waiting.isConnected())
                        .isTrue();
            }
            server.awaitIdle(Duration.ofSeconds(30));
            assertThat(server.aborted()).isEqualTo(3);
        }
    }

    private static Socket sendOnceBusy(FakeVllm server) throws Exception {
        waitFor(() -> server.running() == 2);
        return send(server, BODY);
    }

    private static void waitFor(java.util.function.BooleanSupplier condition) throws InterruptedException {
        for (int i = 0; i < 2000 && !condition.getAsBoolean(); i++) {
            Thread.sleep(5);
        }
        assertThat(condition.getAsBoolean()).isTrue();
    }

    @Test
    void idleConnection_isClosed() throws IOException {
        try (FakeVllm server =
                FakeVllm.builder().keepAlive(Duration.ofMillis(50)).start()) {
            Heard heard = listen(server, BODY);

            assertThat(heard.text()).endsWith("0\r\n\r\n");
            assertThat(heard.end()).isEqualTo("closed");
        }
    }

    @Test
    void close_leavesNoThread_andNoConnection() throws IOException {
        FakeVllm server = with(Fault.stallBeforeHeaders());
        try (Socket first = send(server, BODY);
                Socket second = send(server, BODY)) {
            server.close();
            assertThat(server.connections()).isZero();
            assertThatThrownBy(() -> send(server, BODY)).isInstanceOf(IOException.class);
            assertThat(first.isConnected() && second.isConnected()).isTrue();
        }
    }

    @Test
    void faults_printThemselves() {
        assertThat(Fault.NONE).hasToString("none");
        assertThat(Fault.resetAtByte(700).and(Fault.splitEvery(3)).and(Fault.noDone()))
                .hasToString("reset_at_byte=700 split_every=3 no_done");
    }
}
