package dev.tempera.benchmarks.clients;

import dev.tempera.testkit.vllm.FakeVllm;
import java.io.IOException;
import java.time.Duration;

/** The fake vLLM in a process of its own: {@code Server DELAY_MICROS TOKENS}. Says its address, ends with its input. */
public final class Server {
    private Server() {}

    public static void main(String[] args) throws IOException {
        Duration delay = Duration.ofNanos(1000 * Long.parseLong(args[0]));
        int tokens = Integer.parseInt(args[1]);
        try (FakeVllm server = FakeVllm.builder()
                .prerendered(true)
                .tokenDelay(delay)
                .maxModelLength(tokens + 1000)
                .maxConcurrent(1024)
                // A client whose idle connection is closed under it would be timed for its retries.
                .keepAlive(Duration.ofMinutes(10))
                .saying("abcdefg ".repeat(tokens / 8 + 1))
                .start()) {
            System.out.println(server.uri());
            System.in.read();
        }
    }
}
