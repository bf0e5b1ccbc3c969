package dev.tempera.vllm;

import java.net.URI;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Makes exceptions of what a server says went wrong. */
final class ErrorBody {
    private ErrorBody() {}

    /**
     * What was asked, for messages.
     *
     * @param model that the request named; null if none
     * @param servedModels as far as they are known; empty if not
     * @param withKey whether an API key was sent
     */
    record Asked(
            String method,
            URI uri,
            @Nullable String model,
            List<String> servedModels,
            boolean withKey,
            @Nullable String requestId) {}

    /** Of an answer whose status is not 200. */
    static VllmException of(Asked asked, int status, byte[] body, @Nullable String retryAfter) {
        throw new UnsupportedOperationException();
    }

    /** Of an error within a stream. */
    static VllmException inStream(Asked asked, Event.ServerError error) {
        throw new UnsupportedOperationException();
    }
}
