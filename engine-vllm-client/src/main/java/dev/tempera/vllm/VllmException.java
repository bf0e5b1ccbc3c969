package dev.tempera.vllm;

import dev.tempera.engine.GenerationException;
import dev.tempera.engine.GenerationResult;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A request to a vLLM server failed. The message says what was asked, what the server said and what to do. */
public final class VllmException extends GenerationException {
    private static final long serialVersionUID = 1;

    private final Reason reason;
    private final transient Details details;

    /**
     * What is known of a failure besides its reason; most of it may be unknown.
     *
     * @param status of the HTTP answer; 0 if there was none
     * @param parameter that the server names, as on the wire
     * @param requestId under which the server's log has it
     * @param retryAfter what the server asks to wait
     */
    record Details(
            int status,
            @Nullable String parameter,
            @Nullable String requestId,
            @Nullable Duration retryAfter,
            @Nullable ContextLength contextLength) {
        static final Details NONE = new Details(0, null, null, null, null);
    }

    /**
     * The numbers of {@link Reason#CONTEXT_TOO_LONG} as far as the server told them, in tokens; -1 for one that it did not.
     *
     * @param max the context of the model
     * @param requested the output that was asked for
     * @param prompt the length of the prompt, or a lower bound of it
     */
    public record ContextLength(int max, int requested, int prompt) {}

    VllmException(Reason reason, String message) {
        this(reason, message, Details.NONE, null, null);
    }

    VllmException(Reason reason, String message, @Nullable Throwable cause) {
        this(reason, message, Details.NONE, null, cause);
    }

    VllmException(Reason reason, String message, Details details) {
        this(reason, message, details, null, null);
    }

    private VllmException(
            Reason reason,
            String message,
            Details details,
            @Nullable GenerationResult partialResult,
            @Nullable Throwable cause) {
        super(message, partialResult, cause);
        this.reason = reason;
        this.details = details;
    }

    /** The same failure with what was there before it. */
    VllmException withPartialResult(@Nullable GenerationResult partial) {
        return copy(details, partial);
    }

    /** The same failure with the id of its request. */
    VllmException withRequestId(@Nullable String requestId) {
        return copy(
                new Details(details.status, details.parameter, requestId, details.retryAfter, details.contextLength),
                partialResult());
    }

    private VllmException copy(Details newDetails, @Nullable GenerationResult partial) {
        VllmException copy = new VllmException(reason, String.valueOf(getMessage()), newDetails, partial, getCause());
        copy.setStackTrace(getStackTrace());
        return copy;
    }

    public Reason reason() {
        return reason;
    }

    /** Of the HTTP answer; 200 if the failure came within a stream, 0 if there was no answer. */
    public int status() {
        return details.status;
    }

    /** The parameter that the server names, as on the wire ({@code temperature}, {@code body.stop}); null if it does not. */
    public @Nullable String parameter() {
        return details.parameter;
    }

    /** Under which the server's log has the request; null if none was sent or answered. */
    public @Nullable String requestId() {
        return details.requestId;
    }

    /** What the server asks to wait before the next try; null if it does not say. */
    public @Nullable Duration retryAfter() {
        return details.retryAfter;
    }

    /** The numbers of {@link Reason#CONTEXT_TOO_LONG}; null for other reasons, or if the server told none. */
    public @Nullable ContextLength contextLength() {
        return details.contextLength;
    }

    /** Whether the same request may well succeed later, or on another server. */
    public boolean isRetryable() {
        return reason.isRetryable();
    }
}
