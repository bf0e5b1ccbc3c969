package dev.tempera.vllm;

import java.net.URI;
import org.jspecify.annotations.Nullable;

/**
 * How one server of an engine is doing, as far as the engine knows: a server alone is asked nothing, and is always up.
 *
 * @param server its base address
 * @param state whether it gets requests
 * @param inFlight requests of this engine that are under way there
 * @param load requests there, those of other clients included, as of the last check and with what this engine sent since
 * @param cacheUsage part of the KV cache in use, 0 to 1, as of the last check; NaN if not known
 * @param lastFailure null if there was none since it last answered
 */
public record ServerStatus(
        URI server,
        State state,
        int inFlight,
        double load,
        double cacheUsage,
        @Nullable VllmException lastFailure) {
    /** Whether a server gets requests. */
    public enum State {
        /** It does. */
        UP,
        /** It failed, is healthy again, and gets one request at a time until one is answered. */
        ON_TRIAL,
        /** It failed, and gets none until a check finds it healthy. */
        OUT
    }
}
