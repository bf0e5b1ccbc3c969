package dev.tempera.engine;

import java.time.Duration;

/**
 * Told of a generation's course, on the engine's thread: be quick. What it throws is not passed on to the generation's
 * reader; engines log it.
 */
public interface GenerationListener {
    /** Before the first token. */
    default void started(GenerationRequest request, GenerationPlan plan) {}

    /** After each token, in order. */
    default void token(int tokenId) {}

    /** After the last token. */
    default void finished(GenerationResult result, Timings timings) {}

    /** Instead of {@link #finished}. */
    default void failed(RuntimeException failure, Timings timings) {}

    /** Time from the request to the first token (waiting and prefill), and from there to the end (decode). */
    record Timings(Duration timeToFirstToken, Duration decode) {}
}
