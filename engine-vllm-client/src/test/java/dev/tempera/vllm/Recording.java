package dev.tempera.vllm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** An exchange with a real server, see {@code recordings/README.md}. */
record Recording(String name, JsonNode request, JsonNode response) {
    static final JsonMapper JSON = new JsonMapper();

    static Stream<Recording> all() {
        URL folder = Objects.requireNonNull(Recording.class.getResource("/recordings/vllm-0.32.0"), "recordings");
        try (Stream<Path> files = Files.list(Path.of(folder.toURI()))) {
            return files
                    .filter(file -> file.toString().endsWith(".json"))
                    .sorted()
                    .map(Recording::read)
                    .toList()
                    .stream();
        } catch (IOException | URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    static Recording named(String name) {
        return all().filter(each -> each.name.equals(name)).findFirst().orElseThrow();
    }

    private static Recording read(Path file) {
        try {
            JsonNode json = JSON.readTree(file.toFile());
            return new Recording(json.path("name").asText(), json.path("request"), json.path("response"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String path() {
        return request.path("path").asText();
    }

    int status() {
        return response.path("status").asInt();
    }

    boolean isStream() {
        return response.path("headers").path("content-type").asText().startsWith("text/event-stream");
    }

    boolean isGeneration() {
        return path().endsWith("/completions") || path().endsWith("/generate");
    }

    byte[] body() {
        StringBuilder body = new StringBuilder();
        response.path("body").forEach(piece -> body.append(piece.asText()));
        return body.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** The JSON of every event, or of the whole answer; without [DONE]. */
    List<byte[]> payloads() {
        byte[] body = body();
        if (!isStream()) {
            return List.of(body);
        }
        List<byte[]> payloads = new ArrayList<>();
        ServerSentEvents parser = new ServerSentEvents(
                (type, data, from, to) -> {
                    if (!EventReader.isDone(data, from, to)) {
                        payloads.add(java.util.Arrays.copyOfRange(data, from, to));
                    }
                },
                1 << 20);
        parser.feed(body, 0, body.length);
        return payloads;
    }

    @Override
    public String toString() {
        return name;
    }
}
