package dev.tempera.testkit.vllm;

import java.time.Duration;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How one answer of {@link FakeVllm} goes wrong, or is merely unusual: a client must survive both. Faults combine:
 * {@code Fault.splitEvery(1).and(Fault.resetAtByte(700))}. Bytes are counted from the first of the response, its status
 * line included; tokens from the first of the answer, over all choices. Immutable and thread-safe.
 */
public final class Fault {
    /** Nothing goes wrong. */
    public static final Fault NONE = new Fault(Map.of());

    enum Kind {
        ANSWER,
        SLOW_START,
        STALL_BEFORE_HEADERS,
        STALL_AFTER_TOKENS,
        STALL_AT_BYTE,
        RESET_AT_BYTE,
        CLOSE_AT_BYTE,
        SPLIT_EVERY,
        MERGE_TOKENS,
        ERROR_AFTER_TOKENS,
        ABORT_AFTER_TOKENS,
        NO_DONE,
        NO_FINISH_REASON,
        EMPTY_DELTAS,
        KEEP_ALIVE_COMMENTS,
        USAGE_ON_EVERY_CHUNK,
        DUPLICATE_USAGE,
        REVERSED_CHOICES
    }

    /** A whole answer that is given instead of the real one. */
    record Answer(int status, Map<String, String> headers, String body) {
        @Override
        public String toString() {
            return Integer.toString(status);
        }
    }

    private final Map<Kind, Object> parts;

    private Fault(Map<Kind, Object> parts) {
        this.parts = parts;
    }

    private static Fault of(Kind kind, Object value) {
        return new Fault(Map.of(kind, value));
    }

    /** Both; where both say something of the same kind, the other's holds. */
    public Fault and(Fault other) {
        Map<Kind, Object> both = new EnumMap<>(Kind.class);
        both.putAll(parts);
        both.putAll(other.parts);
        return new Fault(both);
    }

    // Another answer altogether.

    /** This answer instead of the real one. */
    public static Fault answer(int status, String contentType, String body) {
        return answer(status, Map.of("content-type", contentType), body);
    }

    /** As {@link #answer(int, String, String)}, with headers of any kind. */
    public static Fault answer(int status, Map<String, String> headers, String body) {
        return of(Kind.ANSWER, new Answer(status, new LinkedHashMap<>(headers), body));
    }

    /** A gateway's page: 502 with HTML. */
    public static Fault htmlBadGateway() {
        return answer(
                502,
                "text/html",
                "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1>"
                        + "</center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n");
    }

    /** 500 without a body, as old servers answer when their engine has died. */
    public static Fault emptyServerError() {
        return answer(500, Map.of(), "");
    }

    /** 401 with a bare string for an error, as every vLLM says it. */
    public static Fault unauthorized() {
        return answer(401, "application/json", "{\"error\":\"Unauthorized\"}");
    }

    /** 503 with a bare string for an error, as vLLM says it while its engines are being scaled. */
    public static Fault scaling() {
        return answer(
                503, "application/json", "{\"error\":\"The model is currently scaling. Please try again later.\"}");
    }

    /** 429 of a gateway, with {@code Retry-After} in whole seconds. */
    public static Fault rateLimited(Duration retryAfter) {
        return answer(
                429,
                Map.of("content-type", "application/json", "retry-after", Long.toString(retryAfter.toSeconds())),
                "{\"error\":{\"message\":\"Rate limit exceeded\",\"type\":\"rate_limit_error\",\"param\":null,"
                        + "\"code\":429}}");
    }

    /** 500 of a server whose engine has died; for a server that stays dead see {@link FakeVllm#killEngine}. */
    public static Fault engineDead() {
        return answer(500, "application/json", "{\"error\":" + FakeVllm.ENGINE_DEAD + "}");
    }

    // Time.

    /** The answer begins after this long. */
    public static Fault slowStart(Duration delay) {
        return of(Kind.SLOW_START, delay);
    }

    /** Nothing is answered, and the connection stays open. */
    public static Fault stallBeforeHeaders() {
        return of(Kind.STALL_BEFORE_HEADERS, true);
    }

    /** The stream says nothing more after this many tokens, and stays open. */
    public static Fault stallAfterTokens(int tokens) {
        return of(Kind.STALL_AFTER_TOKENS, tokens);
    }

    /** As {@link #stallAfterTokens}, at any byte of the response. */
    public static Fault stallAtByte(long position) {
        return of(Kind.STALL_AT_BYTE, position);
    }

    // The connection.

    /** The connection is reset (RST) after so many bytes; 0 is before the answer. */
    public static Fault resetAtByte(long position) {
        return of(Kind.RESET_AT_BYTE, position);
    }

    /** The connection is closed properly (FIN), but after so many bytes. */
    public static Fault closeAtByte(long position) {
        return of(Kind.CLOSE_AT_BYTE, position);
    }

    /** The body comes in HTTP chunks of so many bytes, each sent by itself: cuts events, JSON and characters. */
    public static Fault splitEvery(int bytes) {
        return of(Kind.SPLIT_EVERY, bytes);
    }

    // The stream of events.

    /** Every event carries so many tokens, as when the reader is slow. */
    public static Fault mergeTokens(int tokens) {
        return of(Kind.MERGE_TOKENS, tokens);
    }

    /** The stream says an error after so many tokens, and then {@code [DONE]} all the same. */
    public static Fault errorAfterTokens(int tokens) {
        return of(Kind.ERROR_AFTER_TOKENS, tokens);
    }

    /** The server gives up after so many tokens: finish reason {@code abort}. */
    public static Fault abortAfterTokens(int tokens) {
        return of(Kind.ABORT_AFTER_TOKENS, tokens);
    }

    /** The stream ends without {@code [DONE]}, properly in all else. */
    public static Fault noDone() {
        return of(Kind.NO_DONE, true);
    }

    /** No choice says why it ended; {@code [DONE]} comes. */
    public static Fault noFinishReason() {
        return of(Kind.NO_FINISH_REASON, true);
    }

    /** Before every event one that says nothing: without text and tokens, in a chat with a delta of {@code {}}. */
    public static Fault emptyDeltas() {
        return of(Kind.EMPTY_DELTAS, true);
    }

    /** A comment before every event, {@code : keep-alive}. */
    public static Fault keepAliveComments() {
        return of(Kind.KEEP_ALIVE_COMMENTS, true);
    }

    /** Usage with every event, asked for or not. */
    public static Fault usageOnEveryChunk() {
        return of(Kind.USAGE_ON_EVERY_CHUNK, true);
    }

    /** The last event, with the usage, comes twice, asked for or not. */
    public static Fault duplicateUsage() {
        return of(Kind.DUPLICATE_USAGE, true);
    }

    /** In every round the last choice comes first. */
    public static Fault reversedChoices() {
        return of(Kind.REVERSED_CHOICES, true);
    }

    boolean has(Kind kind) {
        return parts.containsKey(kind);
    }

    /** Tokens or bytes; the largest number there is if the fault is not of this kind. */
    long at(Kind kind) {
        return parts.get(kind) instanceof Number number ? number.longValue() : Long.MAX_VALUE;
    }

    @Nullable
    Answer answer() {
        return (Answer) parts.get(Kind.ANSWER);
    }

    Duration slowStart() {
        return (Duration) parts.getOrDefault(Kind.SLOW_START, Duration.ZERO);
    }

    /** For instance {@code split_every=3 reset_at_byte=700}. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        new EnumMap<>(parts.isEmpty() ? new EnumMap<Kind, Object>(Kind.class) : parts)
                .forEach((kind, value) -> text.append(text.isEmpty() ? "" : " ")
                        .append(kind.name().toLowerCase(java.util.Locale.ROOT))
                        .append(Boolean.TRUE.equals(value) ? "" : "=" + value));
        return text.isEmpty() ? "none" : text.toString();
    }
}
