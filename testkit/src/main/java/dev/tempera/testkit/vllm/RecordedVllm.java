package dev.tempera.testkit.vllm;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Plays back what a real vLLM said: exchanges kept as files, one JSON object each.
 *
 * <pre>{@code
 * {"name": "completions-whole",
 *  "request": {"method": "POST", "path": "/v1/completions", "headers": {...}, "body": "the text sent" or null},
 *  "response": {"status": 200, "headers": {...}, "body": ["a piece", "the next"]}}
 * }</pre>
 *
 * A request is answered by the exchange that was said to come {@link #playNext next}, or else by the one whose request had
 * the same method, path and JSON, with fields in any order; of several by the one with the same {@code X-Request-Id} or
 * {@code Authorization}. With {@code transfer-encoding: chunked} each piece is sent as a chunk. Thread-safe.
 */
public final class RecordedVllm implements AutoCloseable {
    /**
     * An exchange as it was recorded.
     *
     * @param requestBody the text that was sent; null for none
     * @param pieces of the answer's body, as they came
     */
    public record Recording(
            String name,
            String method,
            String path,
            Map<String, String> requestHeaders,
            @Nullable String requestBody,
            int status,
            Map<String, String> headers,
            List<String> pieces) {
        /** The answer's body. */
        public String body() {
            return String.join("", pieces);
        }
    }

    private final SortedMap<String, Recording> recordings;
    private final Fault fault;
    private final ConcurrentLinkedQueue<Recording> next = new ConcurrentLinkedQueue<>();
    private final LoopbackServer http;

    private RecordedVllm(SortedMap<String, Recording> recordings, Fault fault) {
        this.recordings = recordings;
        this.fault = fault;
        http = new LoopbackServer(0, Duration.ofSeconds(5), true, this::answer);
        http.start();
    }

    /** Plays what is in a folder's {@code *.json} files. */
    public static RecordedVllm start(Path folder) {
        return start(folder, Fault.NONE);
    }

    /** As {@link #start(Path)}, cut, stalled or broken on the way: of the fault only what concerns bytes has effect. */
    public static RecordedVllm start(Path folder, Fault fault) {
        return new RecordedVllm(read(folder), fault);
    }

    /** The exchanges in a folder, by name. */
    public static SortedMap<String, Recording> read(Path folder) {
        SortedMap<String, Recording> recordings = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file :
                    files.filter(path -> path.toString().endsWith(".json")).toList()) {
                Recording recording = recording(LoopbackServer.JSON.readTree(file.toFile()));
                recordings.put(recording.name(), recording);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the recordings in " + folder, e);
        }
        return recordings;
    }

    private static Recording recording(JsonNode json) {
        JsonNode request = json.path("request");
        JsonNode response = json.path("response");
        List<String> pieces = new ArrayList<>();
        response.path("body").forEach(piece -> pieces.add(piece.asText()));
        return new Recording(
                json.path("name").asText(),
                request.path("method").asText(),
                request.path("path").asText(),
                headers(request.path("headers")),
                request.path("body").isTextual() ? request.path("body").asText() : null,
                response.path("status").asInt(),
                headers(response.path("headers")),
                List.copyOf(pieces));
    }

    private static Map<String, String> headers(JsonNode json) {
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        json.properties()
                .forEach(field -> headers.put(field.getKey(), field.getValue().asText()));
        return headers;
    }

    public URI uri() {
        return http.uri();
    }

    /** All of them, by name. */
    public SortedMap<String, Recording> recordings() {
        return recordings;
    }

    /** The requests so far, oldest first. */
    public List<ReceivedRequest> requests() {
        return http.requests();
    }

    /**
     * The next requests are answered by these exchanges, one each, whatever they ask for.
     *
     * @throws IllegalArgumentException if there is none of that name
     */
    public void playNext(String... names) {
        for (String name : names) {
            Recording recording = recordings.get(name);
            if (recording == null) {
                throw new IllegalArgumentException(
                        "there is no recording named \"" + name + "\"; there are " + recordings.keySet());
            }
            next.add(recording);
        }
    }

    private void answer(ReceivedRequest request, HttpConnection connection) throws IOException {
        Response response = new Response(connection, fault);
        response.checkBeforeStart();
        Recording planned = next.poll();
        Recording recording = planned == null ? find(request) : planned;
        if (recording == null) {
            String message = "{\"error\":{\"message\":\"Nothing was recorded for this request.\",\"code\":501}}";
            response.send(501, Map.of("content-type", "application/json"), message.getBytes(StandardCharsets.UTF_8));
            return;
        }
        Map<String, String> headers = new LinkedHashMap<>(recording.headers());
        boolean chunked = "chunked".equals(headers.remove("transfer-encoding"));
        if (!chunked) {
            response.send(recording.status(), headers, recording.body().getBytes(StandardCharsets.UTF_8));
            return;
        }
        response.begin(recording.status(), headers);
        for (String piece : recording.pieces()) {
            response.chunk(piece.getBytes(StandardCharsets.UTF_8));
        }
        response.end();
    }

    private @Nullable Recording find(ReceivedRequest request) {
        Recording best = null;
        int bestLikeness = -1;
        for (Recording recording : recordings.values()) {
            if (asksTheSame(recording, request)) {
                int likeness = 0;
                for (String header : List.of("X-Request-Id", "Authorization")) {
                    if (Objects.equals(recording.requestHeaders().get(header), request.header(header))) {
                        likeness++;
                    }
                }
                if (likeness > bestLikeness) {
                    best = recording;
                    bestLikeness = likeness;
                }
            }
        }
        return best;
    }

    private static boolean asksTheSame(Recording recording, ReceivedRequest request) {
        if (!recording.method().equals(request.method()) || !recording.path().equals(request.path())) {
            return false;
        }
        String body = recording.requestBody();
        byte[] bytes = body == null ? new byte[0] : body.getBytes(StandardCharsets.UTF_8);
        Map<String, Object> json = LoopbackServer.json(bytes);
        return json == null ? Arrays.equals(bytes, request.body()) : json.equals(request.json());
    }

    /** Cuts all connections and gives the port back. */
    @Override
    public void close() {
        http.close();
    }
}
