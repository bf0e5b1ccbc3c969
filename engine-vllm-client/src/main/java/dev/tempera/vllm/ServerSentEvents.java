package dev.tempera.vllm;

import org.jspecify.annotations.Nullable;

/** Parses a stream of Server-Sent Events that comes in pieces. Not thread-safe: one per stream. */
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

    /** @param maxEventBytes the most that an event may hold */
    ServerSentEvents(Callback callback, int maxEventBytes) {}

    /** @throws VllmException with {@link Reason#PROTOCOL} if an event is larger than allowed */
    void feed(byte[] bytes, int from, int to) {
        throw new UnsupportedOperationException();
    }
}
