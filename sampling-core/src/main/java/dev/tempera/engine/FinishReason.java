package dev.tempera.engine;

/** Why a generation ended. Open: engines may have reasons of their own. The value is its name on the wire. */
public record FinishReason(String value) {
    /** A stop token or a stop string. */
    public static final FinishReason STOP = new FinishReason("stop");
    /** {@code max_tokens}, or the context is full. */
    public static final FinishReason LENGTH = new FinishReason("length");
    /** The caller cancelled. */
    public static final FinishReason CANCELLED = new FinishReason("cancelled");
    /** The engine gave up: closed, or the reader stayed away too long. */
    public static final FinishReason ABORT = new FinishReason("abort");

    @Override
    public String toString() {
        return value;
    }
}
