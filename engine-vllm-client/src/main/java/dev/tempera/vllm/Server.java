package dev.tempera.vllm;

import dev.tempera.InvalidParametersException;
import dev.tempera.Require;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One vLLM server: where it is and what every request to it carries. The API key is asked for at each request, so that it
 * may change; it is in no message, no log and no {@code toString}. Thread-safe.
 */
final class Server implements Fleet.Member {
    private static final System.Logger LOG = System.getLogger(Server.class.getName());
    private static final int MOST_ANSWER_BYTES = 64 << 20;

    private final URI address;
    private final Transport transport;
    private final Supplier<@Nullable String> apiKey;
    private final Map<String, String> headers;

    /** @param address as {@link #address(URI)} gives it */
    Server(URI address, Transport transport, Supplier<@Nullable String> apiKey, Map<String, String> headers) {
        this.address = address;
        this.transport = transport;
        this.apiKey = apiKey;
        this.headers = Map.copyOf(headers);
    }

    /**
     * An address as users write it, without what every path brings along.
     *
     * @throws dev.tempera.InvalidParametersException if it is none
     */
    static URI address(URI given) {
        String scheme = given.getScheme() == null ? "" : given.getScheme().toLowerCase(Locale.ROOT);
        boolean isHttp = scheme.equals("http") || scheme.equals("https");
        if (given.getRawUserInfo() != null) {
            throw new InvalidParametersException(
                    "the server's address must have no user or password (they are not shown"
                            + " here): give the key with apiKey(...)");
        }
        Require.that(
                isHttp && given.getHost() != null && given.getRawQuery() == null && given.getRawFragment() == null,
                "the server's address",
                "be a URL such as http://localhost:8000",
                "\"" + given + "\"");
        String path = given.getRawPath() == null ? "" : given.getRawPath();
        return URI.create(scheme + "://" + given.getRawAuthority() + path.replaceFirst("/*(/v1)?/*$", ""));
    }

    @Override
    public URI uri() {
        return address;
    }

    /** For the fleet, which asks for health and load. */
    @Override
    public String get(String path, Duration timeout) throws InterruptedException {
        Answer answer;
        try {
            answer = ask("GET", path, new byte[0], timeout);
        } catch (VllmException e) {
            if (e.getCause() instanceof ClosedByInterruptException && Thread.interrupted()) {
                throw new InterruptedException();
            }
            throw e;
        }
        if (!answer.isOk()) {
            throw ErrorBody.of(
                    asked("GET", path, null, List.of(), null), answer.status(), answer.body(), answer.retryAfter());
        }
        return new String(answer.body(), StandardCharsets.UTF_8);
    }

    /** A request id like the server's own. */
    static String newRequestId() {
        return UUID.randomUUID().toString().replace("-", "");
    }

    /** The whole of a path. */
    URI uri(String path) {
        return URI.create(address + path);
    }

    /**
     * Sends, without waiting.
     *
     * @param body JSON; empty for none
     * @param more headers of this request alone
     */
    Transport.Exchange send(String method, String path, byte[] body, Map<String, String> more) {
        Map<String, String> all = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        all.putAll(headers);
        all.putAll(more);
        if (body.length > 0) {
            all.put("Content-Type", "application/json");
        }
        String key = key();
        if (key != null) {
            all.put("Authorization", "Bearer " + key);
        }
        try {
            return transport.send(new Transport.Request(method, uri(path), all, body));
        } catch (IOException e) {
            throw ConnectionFailure.of(address, e);
        }
    }

    private @Nullable String suppliedKey() {
        try {
            return apiKey.get();
        } catch (RuntimeException e) {
            throw new VllmException(Reason.UNAUTHORIZED, "the supplier of the API key for " + address + " failed", e);
        }
    }

    /** Null without one. */
    private @Nullable String key() {
        String key = suppliedKey();
        if (key == null || key.isBlank()) {
            return null;
        }
        String stripped = key.strip();
        // The JDK's own message for a header with a line break has the value in it.
        if (!stripped.chars().allMatch(c -> c > ' ' && c < 127)) {
            throw new VllmException(
                    Reason.UNAUTHORIZED,
                    "the API key for " + address + " has characters that no header may have:"
                            + " it must be printable ASCII without spaces; it is not shown here");
        }
        return stripped;
    }

    /** What was asked, for {@link ErrorBody}. */
    ErrorBody.Asked asked(
            String method, String path, @Nullable String model, List<String> served, @Nullable String id) {
        String key = suppliedKey();
        return new ErrorBody.Asked(method, uri(path), model, served, key != null && !key.isBlank(), id);
    }

    /** A whole answer. */
    record Answer(
            int status,
            String contentType,
            byte[] body,
            @Nullable String retryAfter,
            @Nullable String serverHeader) {
        boolean isOk() {
            return status == 200;
        }

        boolean isJson() {
            return contentType.startsWith("application/json");
        }
    }

    Answer ask(String path, Duration timeout) {
        return ask("GET", path, new byte[0], timeout);
    }

    Answer post(String path, byte[] json, Duration timeout) {
        return ask("POST", path, json, timeout);
    }

    /** Waits for the whole answer, whatever its status. */
    private Answer ask(String method, String path, byte[] json, Duration timeout) {
        long end = System.nanoTime() + timeout.toNanos();
        long start = System.nanoTime();
        try (Transport.Exchange exchange = send(method, path, json, Map.of("X-Request-Id", newRequestId()))) {
            int status = exchange.status(timeout);
            byte[] body = readAll(into -> exchange.read(into, Duration.ofNanos(Math.max(1, end - System.nanoTime()))));
            LOG.log(
                    System.Logger.Level.DEBUG,
                    () -> method + " " + uri(path) + ": " + status + " in " + (System.nanoTime() - start) / 1_000_000
                            + " ms");
            String type = exchange.header("Content-Type");
            return new Answer(
                    status, type == null ? "" : type, body, exchange.header("Retry-After"), exchange.header("Server"));
        } catch (SocketTimeoutException e) {
            throw new VllmException(
                    Reason.FIRST_TOKEN_TIMEOUT,
                    method + " " + uri(path) + " was not answered within " + Texts.of(timeout)
                            + ": the server is overloaded or starting, or something else listens there",
                    e);
        } catch (IOException e) {
            throw ConnectionFailure.of(address, e);
        }
    }

    /** Waits for bytes of a body; -1 at its end. */
    interface Source {
        int read(byte[] into) throws IOException;
    }

    /** A whole body; what comes after {@link #MOST_ANSWER_BYTES} is cut. */
    static byte[] readAll(Source source) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        byte[] buffer = new byte[8192];
        int length = source.read(buffer);
        while (length >= 0 && bytes.size() < MOST_ANSWER_BYTES) {
            bytes.write(buffer, 0, length);
            length = source.read(buffer);
        }
        return bytes.toByteArray();
    }

    @Override
    public String toString() {
        return address.toString();
    }
}
