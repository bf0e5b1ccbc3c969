package dev.tempera.vllm;

/** Why a request to a vLLM server failed. */
public enum Reason {
    /** The server refused a value: see {@link VllmException#parameter}. */
    BAD_PARAMETER(false),
    /** Prompt and output do not fit the model's context: see {@link VllmException#contextLength}. */
    CONTEXT_TOO_LONG(false),
    /** The server does not serve a model of that name. */
    MODEL_NOT_FOUND(false),
    /** The API key is missing or wrong, or may not do this. */
    UNAUTHORIZED(false),
    /** A gateway limits requests (429); vLLM itself does not. */
    RATE_LIMITED(true),
    /** The server, or what is behind a gateway, cannot answer now (502, 503, 504). */
    UNAVAILABLE(true),
    /** vLLM's engine died; the server will end soon, or be restarted. */
    ENGINE_DEAD(true),
    /** The server failed while it generated. */
    GENERATION_FAILED(false),
    /** What came is not what vLLM sends: another kind of server, or a gateway that rewrites. */
    PROTOCOL(false),
    /** The stream ended before it said that it was complete. */
    TRUNCATED(false),
    /** No connection came about in time. */
    CONNECT_TIMEOUT(true),
    /** No token came in time after the request. */
    FIRST_TOKEN_TIMEOUT(false),
    /** The stream stood still for too long. */
    IDLE_TIMEOUT(false),
    /** The whole took too long. */
    TOTAL_TIMEOUT(false),
    /** There is no connection, or it broke before an answer. */
    CONNECTION(true),
    /** The server does not have that route or feature. */
    NOT_SUPPORTED(false);

    private final boolean retryable;

    Reason(boolean retryable) {
        this.retryable = retryable;
    }

    /** Whether the same request may well succeed later, or on another server. */
    public boolean isRetryable() {
        return retryable;
    }
}
