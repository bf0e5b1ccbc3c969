package dev.tempera.vllm;

/** Reads payloads of one stream, or whole answers. Not thread-safe: one per stream. */
final class EventReader {
    /** Whether a payload is the {@code [DONE]} that ends a stream. */
    static boolean isDone(byte[] data, int from, int to) {
        throw new UnsupportedOperationException();
    }

    /** @throws VllmException with {@link Reason#PROTOCOL} if that is no JSON of vLLM's */
    Event read(byte[] json, int from, int to) {
        throw new UnsupportedOperationException();
    }
}
