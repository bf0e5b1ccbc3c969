package dev.tempera.vllm;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes down every exchange that was read to its end, in the format of {@code recordings/README.md}. */
final class RecordingTransport implements Transport {
    private static final JsonMapper JSON = new JsonMapper();

    private final Transport transport = HttpTransport.create();
    private final Path folder;

    RecordingTransport(Path folder) {
        this.folder = folder;
    }

    @Override
    public Exchange send(Request request) throws IOException {
        Exchange exchange = transport.send(request);
        return new Exchange() {
            private final ByteArrayOutputStream body = new ByteArrayOutputStream();
            private int status;

            @Override
            public int status(Duration timeout) throws IOException {
                status = exchange.status(timeout);
                return status;
            }

            @Override
            public @Nullable String header(String name) {
                return exchange.header(name);
            }

            @Override
            public int read(byte[] into, Duration timeout) throws IOException {
                int length = exchange.read(into, timeout);
                if (length >= 0) {
                    body.write(into, 0, length);
                } else {
                    write(request, this);
                }
                return length;
            }

            @Override
            public void close() {
                exchange.close();
            }

            @Override
            public String toString() {
                return body.toString(StandardCharsets.UTF_8);
            }
        };
    }

    private void write(Request request, Exchange exchange) throws IOException {
        String body = new String(request.body(), StandardCharsets.UTF_8);
        String name = request.uri().getPath().substring(1).replace('/', '-') + "-"
                + Integer.toHexString((request.method() + body).hashCode());
        String answer = exchange.toString();
        String type = exchange.header("content-type");
        boolean stream = type != null && type.startsWith("text/event-stream");
        List<String> pieces = new ArrayList<>();
        if (stream) {
            for (String event : answer.split("(?<=\n\n)")) {
                pieces.add(event);
            }
        } else if (!answer.isEmpty()) {
            pieces.add(answer);
        }
        Map<String, Object> headers = new LinkedHashMap<>();
        headers.put("content-type", type);
        if (stream) {
            headers.put("transfer-encoding", "chunked");
        }
        Map<String, Object> asked = new LinkedHashMap<>();
        asked.put("method", request.method());
        asked.put("path", request.uri().getPath());
        asked.put("headers", Map.of());
        asked.put("body", body.isEmpty() ? null : body);
        Map<String, Object> answered = new LinkedHashMap<>();
        answered.put("status", exchange.status(Duration.ofSeconds(1)));
        answered.put("headers", headers);
        answered.put("body", pieces);
        Map<String, Object> recording = new LinkedHashMap<>();
        recording.put("name", name);
        recording.put("request", asked);
        recording.put("response", answered);
        Files.createDirectories(folder);
        JSON.writerWithDefaultPrettyPrinter()
                .writeValue(folder.resolve(name + ".json").toFile(), recording);
    }

    @Override
    public void close() {
        transport.close();
    }
}
