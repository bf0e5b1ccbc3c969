package dev.tempera.testkit.vllm;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of one response, and where they go wrong. Belongs to one thread.
 */
final class Response {
    /** A fault has broken the connection. */
    static final class Broken extends IOException {
        Broken(String message) {
            super(message);
        }
    }

    static final byte[] LAST_CHUNK = "0\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    private final HttpConnection connection;
    private final long resetAt;
    private final long closeAt;
    private final long stallAt;
    private final int splitEvery;
    private long position;
    private boolean begun;
    private @Nullable List<byte[]> recording;

    Response(HttpConnection connection, Fault fault) {
        this.connection = connection;
        resetAt = fault.at(Fault.Kind.RESET_AT_BYTE);
        closeAt = fault.at(Fault.Kind.CLOSE_AT_BYTE);
        stallAt = fault.at(Fault.Kind.STALL_AT_BYTE);
        splitEvery = (int) Math.min(Integer.MAX_VALUE, fault.at(Fault.Kind.SPLIT_EVERY));
    }

    /** Whether anything of it has been sent. */
    boolean hasBegun() {
        return begun;
    }

    /** Keeps what is sent from now on. */
    void record() {
        recording = new ArrayList<>();
    }

    List<byte[]> recording() {
        return recording == null ? List.of() : recording;
    }

    /** A whole answer. */
    void send(int status, Map<String, String> headers, byte[] body) throws IOException {
        if (splitEvery == Integer.MAX_VALUE) {
            StringBuilder head = head(status, headers);
            head.append("content-length: ").append(body.length).append("\r\n\r\n");
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            all.writeBytes(head.toString().getBytes(StandardCharsets.ISO_8859_1));
            all.writeBytes(body);
            write(all.toByteArray());
        } else {
            begin(status, headers);
            chunk(body);
            end();
        }
    }

    /** The head of an answer that comes in chunks. */
    void begin(int status, Map<String, String> headers) throws IOException {
        StringBuilder head = head(status, headers);
        head.append("transfer-encoding: chunked\r\n\r\n");
        write(head.toString().getBytes(StandardCharsets.ISO_8859_1));
    }

    private static StringBuilder head(int status, Map<String, String> headers) {
        StringBuilder head = new StringBuilder("HTTP/1.1 " + status + " " + phrase(status) + "\r\nserver: uvicorn\r\n");
        headers.forEach(
                (name, value) -> head.append(name).append(": ").append(value).append("\r\n"));
        return head;
    }

    private static String phrase(int status) {
        return switch (status) {
            case 200 -> "OK";
            case 400 -> "Bad Request";
            case 401 -> "Unauthorized";
            case 403 -> "Forbidden";
            case 404 -> "Not Found";
            case 405 -> "Method Not Allowed";
            case 429 -> "Too Many Requests";
            case 500 -> "Internal Server Error";
            case 502 -> "Bad Gateway";
            case 503 -> "Service Unavailable";
            default -> "Status";
        };
    }

    /** One piece of the body; as several chunks if it is to be cut. */
    void chunk(byte[] body) throws IOException {
        for (int from = 0; from < body.length; from += splitEvery) {
            int length = Math.min(splitEvery, body.length - from);
            byte[] size = (Integer.toHexString(length) + "\r\n").getBytes(StandardCharsets.US_ASCII);
            byte[] framed = new byte[size.length + length + 2];
            System.arraycopy(size, 0, framed, 0, size.length);
            System.arraycopy(body, from, framed, size.length, length);
            framed[framed.length - 2] = '\r';
            framed[framed.length - 1] = '\n';
            write(framed);
            if (splitEvery == Integer.MAX_VALUE) {
                return;
            }
        }
    }

    void end() throws IOException {
        write(LAST_CHUNK);
    }

    /** Bytes as they are. */
    void write(byte[] bytes) throws IOException {
        begun = true;
        if (recording != null) {
            recording.add(bytes);
        }
        long breakAt = Math.min(stallAt, Math.min(resetAt, closeAt));
        if (position + bytes.length <= breakAt) {
            connection.write(bytes);
            position += bytes.length;
            if (position < breakAt) {
                return;
            }
        } else {
            connection.write(bytes, 0, (int) (breakAt - position));
            position = breakAt;
        }
        broken();
    }

    /** Breaks the connection if that is to happen before anything is sent. */
    void checkBeforeStart() throws IOException {
        if (Math.min(stallAt, Math.min(resetAt, closeAt)) == 0) {
            broken();
        }
    }

    private void broken() throws IOException {
        if (position >= resetAt) {
            connection.reset();
            throw new Broken("reset at byte " + position);
        }
        if (position >= closeAt) {
            connection.close();
            throw new Broken("closed at byte " + position);
        }
        connection.waitForEver();
    }
}
