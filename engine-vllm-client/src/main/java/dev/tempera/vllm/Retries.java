package dev.tempera.vllm;

import dev.tempera.Require;
import java.time.Duration;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * When to send a request again: only before its first token, only after a failure that may pass
 * ({@link VllmException#isRetryable}), and with the same request id. Before attempt k + 1 the wait is a random part of
 * {@code firstDelay * 2^(k-1)}, between its half and the whole, at most {@code mostDelay}; a server's {@code Retry-After}
 * is honoured instead, unless it exceeds the budget. A kept connection that the server had closed meanwhile is replaced
 * at once and does not count.
 *
 * @param attempts at most, the first included; 1 for no retries
 * @param firstDelay before the second attempt, at most
 * @param mostDelay between attempts, unless the server asks for more
 * @param budget no attempt starts later than this after the first
 */
public record Retries(int attempts, Duration firstDelay, Duration mostDelay, Duration budget) {
    /** 3 attempts, 0.5 and at most 8 seconds apart, within one minute. */
    public static final Retries DEFAULT =
            new Retries(3, Duration.ofMillis(500), Duration.ofSeconds(8), Duration.ofMinutes(1));

    /** One attempt. */
    public static final Retries NONE = new Retries(1, Duration.ofMillis(1), Duration.ofMillis(1), Duration.ofMillis(1));

    public Retries {
        Require.that(attempts >= 1, "attempts", "be at least 1", attempts);
        Timeouts.requirePositive("first delay", firstDelay);
        Timeouts.requirePositive("budget", budget);
        Require.that(mostDelay.compareTo(firstDelay) >= 0, "most delay", "be at least the first delay", mostDelay);
    }

    /**
     * How long to wait before the next attempt; null if there is to be none.
     *
     * @param made attempts so far, at least 1
     * @param elapsed since the first
     */
    @Nullable
    Duration delay(int made, Duration elapsed, VllmException failure, RandomGenerator random) {
        if (made >= attempts || !failure.isRetryable()) {
            return null;
        }
        Duration asked = failure.retryAfter();
        Duration delay = asked != null ? asked : backOff(made, random);
        return elapsed.plus(delay).compareTo(budget) > 0 ? null : delay;
    }

    private Duration backOff(int made, RandomGenerator random) {
        double most = Math.min((double) mostDelay.toNanos(), firstDelay.toNanos() * Math.pow(2, made - 1));
        return Duration.ofNanos((long) (most * random.nextDouble(0.5, 1)));
    }
}
