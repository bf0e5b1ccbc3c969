package dev.tempera.vllm;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Parses a stream of Server-Sent Events that comes in pieces, cut at any byte: the same events whatever the cuts are.
 *
 * <p>Source: WHATWG HTML, "Server-sent events", 9.2.6 (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 * Lines end with LF, CR or CRLF; a byte order mark at the start is passed over; a line that begins with a colon is a
 * comment; a field without a colon has an empty value; one space after the colon is dropped; several data lines make one
 * event with line feeds between; an event without a data line is none, one with an empty data line is; what is not ended
 * by an empty line when the stream ends is no event.
 *
 * <p>Bytes are not decoded, so a character may be cut anywhere. An event of one line that came in one piece, which is the
 * ordinary case, is handed out where it lies, not copied. Not thread-safe: one per stream.
 */
final class ServerSentEvents {
    /** What the parser tells. */
    interface Callback {
        /**
         * An event.
         *
         * @param type of the event; null if it has none
         * @param data holds the data between {@code from} and {@code to}; only until this method returns
         */
        void event(@Nullable String type, byte[] data, int from, int to);
    }

    private static final byte[] BYTE_ORDER_MARK = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};
    private static final byte[] DATA = ascii("data");
    private static final byte[] EVENT = ascii("event");
    private static final byte[] ID = ascii("id");
    private static final byte[] RETRY = ascii("retry");

    private final Callback callback;
    private final int maxEventBytes;
    private final Buffer line = new Buffer(); // the beginning of a line whose end has not come yet
    private final Buffer data = new Buffer();

    // The data of the event at hand: in the piece being parsed, or in the buffer above.
    private byte[] dataArray = data.bytes;
    private int dataFrom;
    private int dataTo;
    private boolean hasData;

    private @Nullable String type;
    private String lastEventId = "";
    private long retryMillis = -1;
    private boolean atStart = true;
    private boolean afterCarriageReturn;

    /** @param maxEventBytes the most that the data of an event, or any line, may hold */
    ServerSentEvents(Callback callback, int maxEventBytes) {
        this.callback = callback;
        this.maxEventBytes = maxEventBytes;
    }

    /** The {@code id} that was sent last; empty if none. */
    String lastEventId() {
        return lastEventId;
    }

    /** How long the server wants a client to wait before it connects again; -1 if it does not say. */
    long retryMillis() {
        return retryMillis;
    }

    /**
     * Takes the next bytes and tells every event that they complete.
     *
     * @throws VllmException with {@link Reason#PROTOCOL} if an event is larger than allowed
     */
    void feed(byte[] bytes, int from, int to) {
        int start = from;
        if (afterCarriageReturn && start < to) {
            afterCarriageReturn = false;
            if (bytes[start] == '\n') {
                start++;
            }
        }
        for (int end; (end = endOfLine(bytes, start, to)) < to; ) {
            if (line.length == 0) {
                line(bytes, start, end);
            } else {
                line.append(bytes, start, end);
                checkSize(line.length);
                line(line.bytes, 0, line.length);
                keepData(); // it may lie in the line that is forgotten now
                line.length = 0;
            }
            start = end + 1;
            if (bytes[end] == '\r') {
                if (start == to) {
                    afterCarriageReturn = true;
                } else if (bytes[start] == '\n') {
                    start++;
                }
            }
        }
        keepData();
        line.append(bytes, start, to);
        checkSize(line.length);
    }

    private static int endOfLine(byte[] bytes, int from, int to) {
        int i = from;
        while (i < to && bytes[i] != '\n' && bytes[i] != '\r') {
            i++;
        }
        return i;
    }

    private void line(byte[] bytes, int start, int to) {
        int from = start;
        if (atStart) {
            atStart = false;
            if (startsWith(bytes, from, to, BYTE_ORDER_MARK)) {
                from += BYTE_ORDER_MARK.length;
            }
        }
        if (from == to) {
            dispatch();
            return;
        }
        int colon = from;
        while (colon < to && bytes[colon] != ':') {
            colon++;
        }
        int value = Math.min(colon + 1, to);
        if (value < to && bytes[value] == ' ') {
            value++;
        }
        if (is(DATA, bytes, from, colon)) {
            data(bytes, value, to);
        } else if (is(EVENT, bytes, from, colon)) {
            type = value == to ? null : text(bytes, value, to);
        } else if (is(ID, bytes, from, colon)) {
            String id = text(bytes, value, to);
            lastEventId = id.indexOf('\0') < 0 ? id : lastEventId;
        } else if (is(RETRY, bytes, from, colon)) {
            retry(bytes, value, to);
        }
    }

    private void data(byte[] bytes, int from, int to) {
        if (!hasData) {
            hasData = true;
            dataArray = bytes;
            dataFrom = from;
            dataTo = to;
        } else {
            keepData();
            data.append((byte) '\n');
            data.append(bytes, from, to);
            dataArray = data.bytes;
            dataTo = data.length;
        }
        checkSize(dataTo - dataFrom);
    }

    /** Moves the data of an event that is not complete out of the caller's array. */
    private void keepData() {
        if (hasData && dataArray != data.bytes) {
            data.length = 0;
            data.append(dataArray, dataFrom, dataTo);
            dataArray = data.bytes;
            dataFrom = 0;
            dataTo = data.length;
        }
    }

    private void dispatch() {
        String eventType = type;
        type = null;
        if (hasData) {
            hasData = false;
            callback.event(eventType, dataArray, dataFrom, dataTo);
            dataArray = data.bytes;
            data.length = 0;
        }
    }

    private void retry(byte[] bytes, int from, int to) {
        long millis = 0;
        for (int i = from; i < to; i++) {
            int digit = bytes[i] - '0';
            if (digit < 0 || digit > 9 || i - from >= 15) {
                return;
            }
            millis = millis * 10 + digit;
        }
        if (from < to) {
            retryMillis = millis;
        }
    }

    private void checkSize(int size) {
        if (size > maxEventBytes) {
            throw new VllmException(
                    Reason.PROTOCOL,
                    "The stream holds an event of more than " + maxEventBytes + " bytes, the most that is read. Ask for"
                            + " fewer logprobs, or for smaller chunks.");
        }
    }

    private static boolean is(byte[] name, byte[] bytes, int from, int to) {
        return to - from == name.length && startsWith(bytes, from, to, name);
    }

    private static boolean startsWith(byte[] bytes, int from, int to, byte[] prefix) {
        if (to - from < prefix.length) {
            return false;
        }
        for (int i = 0; i < prefix.length; i++) {
            if (bytes[from + i] != prefix[i]) {
                return false;
            }
        }
        return true;
    }

    private static String text(byte[] bytes, int from, int to) {
        return new String(bytes, from, to - from, StandardCharsets.UTF_8);
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** Bytes that grow. */
    private static final class Buffer {
        private byte[] bytes = new byte[256];
        private int length;

        void append(byte[] more, int from, int to) {
            ensure(to - from);
            System.arraycopy(more, from, bytes, length, to - from);
            length += to - from;
        }

        void append(byte one) {
            ensure(1);
            bytes[length++] = one;
        }

        private void ensure(int more) {
            if (length + more > bytes.length) {
                bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, length + more));
            }
        }
    }
}
