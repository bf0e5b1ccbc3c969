package dev.tempera.engine;

/** Why a generation ended. Open: engines may have reasons of their own. The value is its name on the wire. */
public record FinishReason(String value) {
    /** A stop token, a stop string or a match of a stop pattern. */
    public static final FinishReason STOP = new FinishReason("stop");
    /** {@code max_tokens}, or the context is full. */
    public static final FinishReason LENGTH = new FinishReason("length");
    /** The text went in circles, see {@link dev.tempera.RepetitionDetection}. */
    public static final FinishReason REPETITION = new FinishReason("repetition");
    /**
     * {@code max_time} was over: counted from when the engine turned to the request, looked at once per token. The text
     * is what there was by then.
     */
    public static final FinishReason DEADLINE = new FinishReason("deadline");
    /** The model asks for tools, see {@link GenerationResult#toolCalls}. */
    public static final FinishReason TOOL_CALLS = new FinishReason("tool_calls");
    /** The caller cancelled. */
    public static final FinishReason CANCELLED = new FinishReason("cancelled");
    /** The engine gave up: closed, or the reader stayed away too long. */
    public static final FinishReason ABORT = new FinishReason("abort");

    @Override
    public String toString() {
        return value;
    }
}
