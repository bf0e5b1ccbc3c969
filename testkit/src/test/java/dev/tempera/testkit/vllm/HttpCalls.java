package dev.tempera.testkit.vllm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;

/** Plain HTTP to a server under test, by the JDK's client. */
final class HttpCalls {
    static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private HttpCalls() {}

    static HttpResponse<String> post(FakeVllm server, String path, String body, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(server.uri().resolve(path))
                .header("content-type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body));
        for (int i = 0; i < headers.length; i += 2) {
            request.header(headers[i], headers[i + 1]);
        }
        return send(request.build());
    }

    static HttpResponse<String> get(FakeVllm server, String path) {
        return send(HttpRequest.newBuilder(server.uri().resolve(path)).build());
    }

    static JsonNode json(HttpResponse<String> response) {
        try {
            return JSON.readTree(response.body());
        } catch (IOException e) {
            throw new AssertionError("not JSON: " + response.body(), e);
        }
    }

    /** What an answer of 200 says. */
    static JsonNode ask(FakeVllm server, String path, String body) {
        HttpResponse<String> response = post(server, path, body);
        if (response.statusCode() != 200) {
            throw new AssertionError(response.statusCode() + ": " + response.body());
        }
        return json(response);
    }

    /** The payloads of a stream, without the {@code [DONE]} that must end it. */
    static List<JsonNode> events(FakeVllm server, String path, String body) {
        List<String> payloads = payloads(post(server, path, body).body());
        if (!payloads.get(payloads.size() - 1).equals("[DONE]")) {
            throw new AssertionError("no [DONE]: " + payloads);
        }
        List<JsonNode> events = new ArrayList<>();
        for (String payload : payloads.subList(0, payloads.size() - 1)) {
            try {
                events.add(JSON.readTree(payload));
            } catch (IOException e) {
                throw new AssertionError(payload, e);
            }
        }
        return events;
    }

    static List<String> payloads(String stream) {
        List<String> payloads = new ArrayList<>();
        for (String line : stream.split("\n")) {
            if (line.startsWith("data: ")) {
                payloads.add(line.substring(6));
            }
        }
        return payloads;
    }

    /** The text of the choice with this index, of any route. */
    static String text(List<JsonNode> events, int index) {
        StringBuilder text = new StringBuilder();
        for (JsonNode event : events) {
            for (JsonNode choice : event.path("choices")) {
                if (choice.path("index").asInt() == index) {
                    text.append(choice.path("text").asText(""));
                    text.append(choice.path("delta").path("content").asText(""));
                }
            }
        }
        return text.toString();
    }

    /** The token ids of the choice with this index, of any route. */
    static List<Integer> tokenIds(List<JsonNode> events, int index) {
        List<Integer> ids = new ArrayList<>();
        for (JsonNode event : events) {
            for (JsonNode choice : event.path("choices")) {
                if (choice.path("index").asInt() == index) {
                    choice.path("token_ids").forEach(id -> ids.add(id.asInt()));
                }
            }
        }
        return ids;
    }

    private static HttpResponse<String> send(HttpRequest request) {
        try {
            return CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
