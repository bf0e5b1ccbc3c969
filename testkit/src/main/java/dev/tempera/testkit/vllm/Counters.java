package dev.tempera.testkit.vllm;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** What a server is doing and has done. Thread-safe. */
final class Counters {
    final AtomicInteger running = new AtomicInteger();
    final AtomicInteger waiting = new AtomicInteger();
    final AtomicInteger aborted = new AtomicInteger();
    final AtomicInteger finished = new AtomicInteger();
    final AtomicLong tokens = new AtomicLong();

    /** To be told when a request has ended. */
    synchronized void ended() {
        notifyAll();
    }

    private boolean isIdle() {
        return running.get() == 0 && waiting.get() == 0;
    }

    synchronized void awaitIdle(Duration most) throws InterruptedException {
        long end = System.nanoTime() + most.toNanos();
        while (!isIdle()) {
            long millis = (end - System.nanoTime()) / 1_000_000;
            if (millis <= 0) {
                throw new IllegalStateException(
                        "after " + most + " still " + running + " running and " + waiting + " waiting");
            }
            wait(millis);
        }
    }
}
