package dev.tempera.vllm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A vLLM server that serves the sample model, and the plainest of clients to ask it behind the tested client's back. */
final class RealVllm implements AutoCloseable {
    static final String MODEL = "tempera-sample";

    /** Recordings of refusals by a server with the options of the group "guarded" in src/it/vllm/record-all. */
    static final Set<String> VARIANTS = Set.of(
            "unauthorized",
            "unauthorized-wrong",
            "unauthorized-stream",
            "error-max-logprobs",
            "generate-disabled",
            "error-tool-parser");

    private static final ObjectMapper JSON = new ObjectMapper();
    private static @Nullable RealVllm shared;

    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final URI uri;
    private final @Nullable Process process;

    private RealVllm(URI uri, @Nullable Process process) {
        this.uri = uri;
        this.process = process;
    }

    /** The one at {@code -Dtempera.vllm}; without it one is started, and stopped when the JVM ends. */
    static synchronized RealVllm shared() {
        if (shared == null) {
            String given = System.getProperty("tempera.vllm", "");
            shared = given.isEmpty() ? start() : new RealVllm(URI.create(given), null);
        }
        return shared;
    }

    /** @param options of vLLM, or {@code NAME=value} for the environment */
    static RealVllm start(String... options) {
        List<String> command =
                new ArrayList<>(List.of(Path.of("src/it/vllm/serve").toString()));
        ProcessBuilder builder = new ProcessBuilder(command);
        for (String option : options) {
            if (option.startsWith("VLLM_")) {
                String[] variable = option.split("=", 2);
                builder.environment().put(variable[0], variable[1]);
            } else {
                command.add(option);
            }
        }
        try {
            Process process =
                    builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
            Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(process)));
            BufferedReader said = process.inputReader(StandardCharsets.UTF_8);
            for (String line = said.readLine(); line != null; line = said.readLine()) {
                if (line.startsWith("ready: ")) {
                    System.out.println("vLLM " + List.of(options) + ", " + line);
                    return new RealVllm(URI.create(line.split(" ", 3)[1]), process);
                }
            }
            throw new IllegalStateException("serve ended before vLLM was ready, see above");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    URI uri() {
        return uri;
    }

    private String text(String path) throws IOException, InterruptedException {
        return send(request(path).GET()).body();
    }

    JsonNode post(String path, Object body) throws IOException, InterruptedException {
        return post(path, JSON.writeValueAsBytes(body));
    }

    JsonNode post(String path, byte[] body) throws IOException, InterruptedException {
        return json(request(path).header("Content-Type", "application/json").POST(BodyPublishers.ofByteArray(body)));
    }

    /** One of vLLM's metrics, summed over its labels. */
    double metric(String name) throws IOException, InterruptedException {
        return text("/metrics")
                .lines()
                .filter(line -> line.startsWith(name + "{") || line.startsWith(name + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .sum();
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(uri.resolve(path)).timeout(Duration.ofMinutes(5));
    }

    private JsonNode json(HttpRequest.Builder request) throws IOException, InterruptedException {
        HttpResponse<String> response = send(request);
        if (response.statusCode() != 200) {
            throw new IllegalStateException(response + ": " + response.body());
        }
        return JSON.readTree(response.body());
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return http.send(request.build(), BodyHandlers.ofString());
    }

    @Override
    public void close() {
        if (process != null) {
            stop(process);
        }
    }

    private static void stop(Process process) {
        process.destroy();
        try {
            if (!process.waitFor(30, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
        }
    }
}
