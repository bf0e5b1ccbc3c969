package dev.tempera.vllm;

import dev.tempera.Require;
import java.time.Duration;

/**
 * How long to wait for what. A timeout ends the generation with a {@link VllmException} that has what came before.
 * Immutable and thread-safe.
 *
 * @param connect until there is a connection
 * @param firstToken from the request until the first token: waiting in the server's queue and reading the prompt, too;
 *     retries included
 * @param betweenTokens from one token to the next. Only the time that the stream is waited for counts, not that in which
 *     its reader stays away. Tokens alone count: a server, or a gateway, that sends comments to keep the connection open
 *     is not thereby generating.
 * @param total from the request to the end, its reader's time included. Other than {@code max_time}, which ends a
 *     generation with the text so far, this is a failure.
 */
public record Timeouts(Duration connect, Duration firstToken, Duration betweenTokens, Duration total) {
    /** 10 seconds, 5 minutes, 1 minute, 1 hour. */
    public static final Timeouts DEFAULT =
            new Timeouts(Duration.ofSeconds(10), Duration.ofMinutes(5), Duration.ofMinutes(1), Duration.ofHours(1));

    public Timeouts {
        requirePositive("connect timeout", connect);
        requirePositive("first token timeout", firstToken);
        requirePositive("between tokens timeout", betweenTokens);
        requirePositive("total timeout", total);
    }

    static void requirePositive(String name, Duration duration) {
        Require.that(!duration.isNegative() && !duration.isZero(), name, "be positive", duration);
    }

    public Timeouts withConnect(Duration limit) {
        return new Timeouts(limit, firstToken, betweenTokens, total);
    }

    public Timeouts withFirstToken(Duration limit) {
        return new Timeouts(connect, limit, betweenTokens, total);
    }

    public Timeouts withBetweenTokens(Duration limit) {
        return new Timeouts(connect, firstToken, limit, total);
    }

    public Timeouts withTotal(Duration limit) {
        return new Timeouts(connect, firstToken, betweenTokens, limit);
    }
}
