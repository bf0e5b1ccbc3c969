package dev.tempera.testkit.vllm;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * HTTP/1.1 on a socket, as far as a server of tests needs it. Not the JDK's server, because that can neither reset a
 * connection nor cut bytes where it is told, and notices a client that has left only at the second write. Belongs to one
 * thread.
 */
final class HttpConnection implements AutoCloseable {
    private static final int MOST_HEADER_BYTES = 1 << 20;

    /** The client has closed its end. */
    static final class ClientLeft extends IOException {
        ClientLeft(String message) {
            super(message);
        }
    }

    /** The line, the headers and the body of a request. */
    record Head(String method, String target, SortedMap<String, String> headers, byte[] body) {}

    private final Socket socket;
    private final InputStream in;
    private final OutputStream out;
    private byte[] buffer = new byte[8192];
    private int from;
    private int to;

    HttpConnection(Socket socket) throws IOException {
        this.socket = socket;
        socket.setTcpNoDelay(true);
        in = socket.getInputStream();
        out = socket.getOutputStream();
    }

    /**
     * The next request.
     *
     * @param idleMillis how long it may be awaited
     * @return null if none came: the client has closed, or the time is over
     */
    @Nullable
    Head read(int idleMillis) throws IOException {
        socket.setSoTimeout(idleMillis);
        try {
            if (from == to && !fill()) {
                return null;
            }
        } catch (SocketTimeoutException e) {
            return null;
        }
        socket.setSoTimeout(30_000);
        requireHttp();
        String[] line = line().split(" ");
        if (line.length != 3) {
            throw new IOException("not an HTTP request: " + Arrays.toString(line));
        }
        SortedMap<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (String header = line(); !header.isEmpty(); header = line()) {
            int colon = header.indexOf(':');
            headers.put(header.substring(0, colon), header.substring(colon + 1).strip());
        }
        return new Head(line[0], line[1], headers, body(headers));
    }

    /** As uvicorn, to a client that begins with TLS: its first message may hold no end of a line to wait for. */
    private void requireHttp() throws IOException {
        if (buffer[from] < 'A' || buffer[from] > 'Z') {
            write(("HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n"
                            + "Invalid HTTP request received.")
                    .getBytes(StandardCharsets.US_ASCII));
            throw new IOException("not an HTTP request");
        }
    }

    private byte[] body(SortedMap<String, String> headers) throws IOException {
        if ("100-continue".equalsIgnoreCase(headers.get("expect"))) {
            write("HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        }
        if ("chunked".equalsIgnoreCase(headers.get("transfer-encoding"))) {
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            for (int size = chunkSize(); size > 0; size = chunkSize()) {
                body.writeBytes(bytes(size));
                line();
            }
            while (!line().isEmpty()) {
                // trailers
            }
            return body.toByteArray();
        }
        String length = headers.get("content-length");
        return length == null ? new byte[0] : bytes(Integer.parseInt(length));
    }

    private int chunkSize() throws IOException {
        return Integer.parseInt(line().replaceFirst(";.*", "").strip(), 16);
    }

    private String line() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream(64);
        while (line.size() < MOST_HEADER_BYTES) {
            int b = bytes(1)[0];
            if (b == '\n') {
                return line.toString(StandardCharsets.ISO_8859_1).stripTrailing();
            }
            line.write(b);
        }
        throw new IOException("a header line of more than " + MOST_HEADER_BYTES + " bytes");
    }

    private byte[] bytes(int count) throws IOException {
        byte[] bytes = new byte[count];
        for (int n = 0; n < count; ) {
            if (from == to && !fill()) {
                throw new ClientLeft("the client left in the middle of a request");
            }
            int step = Math.min(count - n, to - from);
            System.arraycopy(buffer, from, bytes, n, step);
            from += step;
            n += step;
        }
        return bytes;
    }

    private boolean fill() throws IOException {
        from = 0;
        to = Math.max(0, in.read(buffer, 0, buffer.length));
        return to > 0;
    }

    void write(byte[] bytes) throws IOException {
        write(bytes, 0, bytes.length);
    }

    void write(byte[] bytes, int offset, int length) throws IOException {
        try {
            out.write(bytes, offset, length);
        } catch (IOException e) {
            throw new ClientLeft("the client left while it was answered: " + e.getMessage());
        }
    }

    /**
     * Waits, and meanwhile notices a client that leaves.
     *
     * @param millis at least 1
     * @throws ClientLeft as soon as the client has closed its end
     */
    void pause(long millis) throws IOException {
        long end = System.nanoTime() + millis * 1_000_000;
        for (long left = millis; left > 0; left = (end - System.nanoTime() + 999_999) / 1_000_000) {
            socket.setSoTimeout((int) Math.min(left, 1_000_000));
            try {
                if (to == buffer.length) {
                    buffer = Arrays.copyOf(buffer, 2 * to);
                }
                int n = in.read(buffer, to, buffer.length - to); // bytes of a next request may come early
                if (n < 0) {
                    throw new ClientLeft("the client closed the connection");
                }
                to += n;
            } catch (SocketTimeoutException e) {
                // The client is still there.
            } catch (ClientLeft e) {
                throw e;
            } catch (IOException e) {
                throw new ClientLeft("the client reset the connection: " + e.getMessage());
            }
        }
    }

    /** Waits until the client leaves. */
    void waitForEver() throws IOException {
        while (true) {
            pause(1_000_000);
        }
    }

    /** Closes the connection by a reset: the client's reads fail instead of coming to an end. */
    void reset() throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            // It is gone either way.
        }
    }
}
