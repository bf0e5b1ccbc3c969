package dev.tempera.vllm;

import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Where generations wait that no caller's thread reads. Thread-safe. */
final class Background implements AutoCloseable {
    private static final AtomicInteger COUNT = new AtomicInteger();

    private final Executor executor;
    private final @Nullable ExecutorService own;

    /** @param given null for threads of its own, made as they are needed and gone after a minute without work */
    Background(@Nullable Executor given) {
        if (given == null) {
            own = Executors.newCachedThreadPool(Background::thread);
            executor = own;
        } else {
            own = null;
            executor = given;
        }
    }

    private static Thread thread(Runnable task) {
        Thread thread = new Thread(task, "tempera-vllm-" + COUNT.incrementAndGet());
        thread.setDaemon(true);
        return thread;
    }

    void run(Runnable task) {
        executor.execute(task);
    }

    /** Lets what runs come to its end. */
    @Override
    public void close() {
        if (own != null) {
            own.shutdown();
        }
    }
}
