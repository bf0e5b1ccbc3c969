package dev.tempera.vllm;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A request by HTTP/1.1 over a connection that is read by the thread that wants the bytes. Handing every token from one
 * thread to another costs more than all the rest of a client does.
 *
 * <p>Source: RFC 9112. Trailers and chunk extensions are passed over, as are answers of the kind 1xx.
 */
final class SocketExchange implements Transport.Exchange {
    private static final int MOST_HEAD = 64 * 1024;

    /** Where the reader is in the body. */
    private enum Part {
        SIZE,
        EXTENSION,
        DATA,
        DATA_END,
        TRAILER,
        TO_CLOSE,
        END
    }

    private final SocketPool pool;
    private final Transport.Request request;
    private final AtomicReference<@Nullable SocketConnection> held = new AtomicReference<>();
    private final StringBuilder line = new StringBuilder();
    private final Map<String, String> headers = new HashMap<>();
    private SocketConnection connection;
    private ByteBuffer[] unsent;
    private boolean reused;
    private volatile boolean closed;
    private int headLength;
    private int statusSoFar;
    private int status;
    private Part part = Part.END;
    private boolean chunked;
    private boolean keep;
    private long left; // of the chunk, or of the body
    private boolean blankLine;

    SocketExchange(SocketPool pool, Transport.Request request) throws IOException {
        this.pool = pool;
        this.request = request;
        SocketConnection idle = pool.reuse(request.uri());
        reused = idle != null;
        connection = idle != null ? idle : pool.open(request.uri());
        held.set(connection);
        unsent = bytes();
        try {
            connection.write(unsent);
        } catch (IOException e) {
            if (!reused) {
                connection.close();
                throw e;
            }
            connectAnew();
            connection.write(unsent);
        }
    }

    private ByteBuffer[] bytes() {
        String path = request.uri().getRawPath();
        String query = request.uri().getRawQuery();
        StringBuilder head = new StringBuilder(256)
                .append(request.method())
                .append(' ')
                .append(path == null || path.isEmpty() ? "/" : path)
                .append(query == null ? "" : "?" + query)
                .append(" HTTP/1.1\r\nHost: ")
                .append(Authority.of(request.uri()))
                .append("\r\n");
        request.headers()
                .forEach((name, value) -> head.append(checked(name))
                        .append(": ")
                        .append(checked(value))
                        .append("\r\n"));
        byte[] body = request.body();
        if (body.length > 0 || request.method().equals("POST")) {
            head.append("Content-Length: ").append(body.length).append("\r\n");
        }
        head.append("\r\n");
        return new ByteBuffer[] {
            ByteBuffer.wrap(head.toString().getBytes(StandardCharsets.UTF_8)), ByteBuffer.wrap(body)
        };
    }

    private static String checked(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\r' || c == '\n' || c == 0) {
                throw new IllegalArgumentException("a header must not hold a line end, found one in \""
                        + text.replaceAll("[\\r\\n\\x00]", "?") + "\"");
            }
        }
        return text;
    }

    private void connectAnew() throws IOException {
        connection.close();
        reused = false;
        SocketConnection fresh = pool.open(request.uri());
        connection = fresh;
        held.set(fresh);
        unsent = bytes();
        if (closed) {
            fresh.close();
        }
    }

    @Override
    public int status(Duration timeout) throws IOException {
        long end = end(timeout);
        while (status == 0) {
            try {
                connection.write(unsent, end);
                readHead(end);
            } catch (SocketTimeoutException e) {
                throw new SocketTimeoutException("no answer within " + timeout.toMillis() + " ms");
            } catch (IOException e) {
                // A connection that was idle may have been closed just when the request was on its way.
                if (!reused || headLength > 0 || closed || e instanceof ClosedByInterruptException) {
                    throw failed(e, "the connection broke before an answer");
                }
                connectAnew();
            }
        }
        return status;
    }

    private void readHead(long end) throws IOException {
        while (status == 0) {
            int next = connection.read(end);
            if (next < 0) {
                throw new IOException("the server closed the connection");
            }
            if (++headLength > MOST_HEAD) {
                throw new IOException("the head of the answer is larger than " + MOST_HEAD + " bytes");
            }
            if (next != '\n') {
                line.append((char) next);
                continue;
            }
            int length = line.length();
            headLine(length > 0 && line.charAt(length - 1) == '\r' ? line.substring(0, length - 1) : line.toString());
            line.setLength(0);
        }
    }

    private void headLine(String text) throws IOException {
        if (statusSoFar == 0) {
            if (!text.matches("HTTP/1\\.[01] [1-9]\\d\\d( .*)?")) {
                throw new IOException("the server does not speak HTTP/1.1: it began with "
                        + ErrorBody.quote(text.length() > 80 ? text.substring(0, 80) : text));
            }
            statusSoFar = Integer.parseInt(text.substring(9, 12));
            keep = text.startsWith("HTTP/1.1");
        } else if (!text.isEmpty()) {
            int colon = text.indexOf(':');
            if (colon > 0) {
                headers.putIfAbsent(
                        text.substring(0, colon).strip().toLowerCase(Locale.ROOT),
                        text.substring(colon + 1).strip());
            }
        } else if (statusSoFar < 200) {
            statusSoFar = 0;
            headers.clear();
        } else {
            headEnds();
        }
    }

    private void headEnds() throws IOException {
        keep &= !headers.getOrDefault("connection", "").toLowerCase(Locale.ROOT).contains("close");
        String length = headers.get("content-length");
        chunked = headers.getOrDefault("transfer-encoding", "")
                .toLowerCase(Locale.ROOT)
                .endsWith("chunked");
        boolean none =
                statusSoFar == 204 || statusSoFar == 304 || request.method().equals("HEAD");
        if (none) {
            part = Part.END;
        } else if (chunked) {
            part = Part.SIZE;
        } else if (length != null) {
            if (!length.matches("\\d{1,18}")) {
                throw new IOException("Content-Length of the answer is " + ErrorBody.quote(length));
            }
            left = Long.parseLong(length);
            part = left == 0 ? Part.END : Part.DATA;
        } else {
            part = Part.TO_CLOSE;
            keep = false;
        }
        status = statusSoFar;
        if (part == Part.END) {
            done();
        }
    }

    @Override
    public @Nullable String header(String name) {
        return status == 0 ? null : headers.get(name.toLowerCase(Locale.ROOT));
    }

    @Override
    public int read(byte[] into, Duration timeout) throws IOException {
        if (status == 0) {
            throw new IllegalStateException("read before status");
        }
        if (closed) {
            throw new IOException("the exchange was closed");
        }
        long end = end(timeout);
        int length = 0;
        try {
            // Waits for the first byte only, and then takes what has come with it.
            while (part != Part.END && length < into.length && (length == 0 || connection.hasBytes())) {
                length += part == Part.DATA || part == Part.TO_CLOSE ? data(into, length, end) : framing(end);
            }
        } catch (SocketTimeoutException e) {
            throw new SocketTimeoutException("nothing came within " + timeout.toMillis() + " ms");
        } catch (IOException e) {
            throw failed(e, "the connection broke before the end of the answer");
        }
        return length == 0 ? -1 : length;
    }

    private int data(byte[] into, int offset, long end) throws IOException {
        int most = part == Part.TO_CLOSE ? into.length - offset : (int) Math.min(left, into.length - offset);
        int read = connection.read(into, offset, most, end);
        if (part == Part.TO_CLOSE) {
            if (read < 0) {
                done();
            }
            return Math.max(0, read);
        }
        if (read < 0) {
            throw new IOException("the server closed the connection");
        }
        left -= read;
        if (left == 0 && chunked) {
            part = Part.DATA_END;
        } else if (left == 0) {
            done();
        }
        return read;
    }

    /** Takes a byte of what is between the data; answers 0, since none of it is data. */
    private int framing(long end) throws IOException {
        int next = connection.read(end);
        if (next < 0) {
            throw new IOException("the server closed the connection");
        }
        switch (part) {
            case SIZE -> {
                int digit = Character.digit(next, 16);
                if (digit >= 0 && left < Integer.MAX_VALUE) {
                    left = left * 16 + digit;
                } else if (next == '\n') {
                    sizeEnds();
                } else if (next == '\r' || next == ';' || next == ' ' || next == '\t') {
                    part = Part.EXTENSION;
                } else {
                    throw new IOException("the answer is not chunked as it says");
                }
            }
            case EXTENSION -> {
                if (next == '\n') {
                    sizeEnds();
                }
            }
            case DATA_END -> {
                if (next == '\n') {
                    part = Part.SIZE;
                } else if (next != '\r') {
                    throw new IOException("the answer is not chunked as it says");
                }
            }
            default -> trailer(next);
        }
        return 0;
    }

    private void sizeEnds() {
        part = left == 0 ? Part.TRAILER : Part.DATA;
        blankLine = true;
    }

    private void trailer(int next) {
        if (next != '\n') {
            blankLine &= next == '\r';
        } else if (blankLine) {
            done();
        } else {
            blankLine = true;
        }
    }

    /** The body is at its end: the connection is free. */
    private void done() {
        part = Part.END;
        SocketConnection mine = held.getAndSet(null);
        if (mine != null) {
            if (keep) {
                pool.giveBack(request.uri(), mine);
            } else {
                mine.close();
            }
        }
    }

    private IOException failed(IOException e, String what) {
        if (e instanceof ClosedByInterruptException interrupted) {
            close();
            return interrupted;
        }
        boolean byCaller = closed;
        close();
        return byCaller ? new IOException("the exchange was closed") : new IOException(what, e);
    }

    private static long end(Duration timeout) {
        long most = Long.MAX_VALUE / 4;
        return System.nanoTime() + (timeout.compareTo(Duration.ofNanos(most)) < 0 ? timeout.toNanos() : most);
    }

    @Override
    public void close() {
        closed = true;
        SocketConnection mine = held.getAndSet(null);
        if (mine != null) {
            mine.close();
        }
    }
}
