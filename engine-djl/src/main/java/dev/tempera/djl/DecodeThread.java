package dev.tempera.djl;

import dev.tempera.engine.FinishReason;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The one thread from which libtorch is called. Gives every group of sequences a step in turn; a group whose reader is
 * behind waits without holding up the others.
 */
final class DecodeThread {
    private static final System.Logger LOG = System.getLogger(DecodeThread.class.getName());

    /** How many groups hold a KV cache at a time, those that wait for their readers included; the rest wait in line. */
    private static final int MAX_ACTIVE = 64;

    private final Thread thread;
    private final long unreadLimitNanos;
    private final CompletableFuture<Void> opened = new CompletableFuture<>();
    private final Queue<SequenceGroup> submitted = new ConcurrentLinkedQueue<>();
    private final Deque<SequenceGroup> waiting = new ArrayDeque<>(); // this and active: of the decode thread alone
    private final Deque<SequenceGroup> active = new ArrayDeque<>();
    private volatile boolean closing;
    private volatile @Nullable Throwable death;

    DecodeThread(String name, Supplier<Decoder> decoder, Duration unreadLimit) {
        this.unreadLimitNanos = unreadLimit.toNanos();
        this.thread = new Thread(() -> run(decoder), name);
        thread.setDaemon(true); // an engine that was not closed must not keep the JVM alive
    }

    /** Starts the thread and waits until the model is loaded. */
    void open() {
        thread.start();
        try {
            opened.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            if (e.getCause() instanceof Error cause) {
                throw cause;
            }
            throw e;
        }
    }

    /** @throws IllegalStateException if the engine is closed */
    void submit(SequenceGroup group) {
        requireOpen();
        handOver(group);
    }

    void handOver(SequenceGroup group) {
        submitted.add(group);
        wake();
        // The decode thread looks at the queue for the last time after it has set closing.
        if (closing && submitted.remove(group)) {
            abort(group);
        }
    }

    void requireOpen() {
        if (death != null) {
            throw new IllegalStateException("the engine stopped after an error: " + death, death);
        }
        if (closing) {
            throw new IllegalStateException("the engine is closed");
        }
    }

    /** @throws IllegalStateException on the decode thread itself, which would wait for its own work for ever */
    void requireOther() {
        if (Thread.currentThread() == thread) {
            throw new IllegalStateException("a listener or processor must not wait for a generation of the same engine:"
                    + " it runs on the thread that generates");
        }
    }

    void wake() {
        LockSupport.unpark(thread);
    }

    /** Ends what runs, frees the model and waits for that. Any number of times, from any thread. */
    void close() {
        close(Duration.ZERO);
    }

    /** @param limit how long to wait; zero for as long as it takes */
    void close(Duration limit) {
        closing = true;
        wake();
        if (Thread.currentThread() == thread) {
            return; // a listener closes the engine: the loop sees it after this step
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join(limit.toMillis());
                break;
            } catch (InterruptedException e) {
                interrupted = true; // leaving now could let the JVM exit in the middle of native code
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void run(Supplier<Decoder> source) {
        Decoder decoder;
        try {
            decoder = source.get();
        } catch (Throwable e) {
            closing = true;
            opened.completeExceptionally(e);
            return;
        }
        opened.complete(null);
        try {
            while (!closing) {
                admit();
                if (!stepOne(decoder)) {
                    // Woken by requests and readers; also looks for readers that stay away.
                    LockSupport.parkNanos(active.isEmpty() ? Long.MAX_VALUE : unreadLimitNanos / 4 + 1);
                }
            }
        } catch (Throwable e) {
            death = e;
        } finally {
            closing = true;
            try {
                active.forEach(this::abort);
                waiting.forEach(this::abort);
                for (SequenceGroup group = submitted.poll(); group != null; group = submitted.poll()) {
                    abort(group);
                }
                active.forEach(SequenceGroup::free);
            } finally {
                decoder.close();
            }
        }
    }

    private void admit() {
        for (SequenceGroup group = submitted.poll(); group != null; group = submitted.poll()) {
            waiting.addLast(group);
        }
        for (SequenceGroup group : waiting) {
            group.endThoseGone(unreadLimitNanos); // cancelled before its turn
        }
        waiting.removeIf(SequenceGroup::isFinished);
        while (active.size() < MAX_ACTIVE && !waiting.isEmpty()) {
            active.addLast(waiting.removeFirst());
        }
    }

    /** One step of the first group that can go on, which then goes to the end of the line; false if none can. */
    private boolean stepOne(Decoder decoder) {
        for (Iterator<SequenceGroup> groups = active.iterator(); groups.hasNext(); ) {
            SequenceGroup group = groups.next();
            if (group.isRunnable(unreadLimitNanos)) {
                groups.remove();
                step(decoder, group);
                return true;
            }
        }
        return false;
    }

    private void step(Decoder decoder, SequenceGroup group) {
        try {
            group.step(decoder, unreadLimitNanos);
        } catch (RuntimeException e) {
            group.failAll(e); // libtorch refused, for instance for lack of memory: the others go on
        } finally {
            if (group.isFinished()) {
                group.free();
            } else {
                active.addLast(group);
            }
        }
    }

    /** Gives every reader of the group an answer; throws nothing. */
    private void abort(SequenceGroup group) {
        while (!group.isFinished()) {
            try {
                if (death == null) {
                    group.finishAll(FinishReason.ABORT);
                } else {
                    group.failAll(new IllegalStateException("the engine stopped after an error: " + death, death));
                }
            } catch (Throwable e) {
                // An error of that row's listener, which has its answer: on with the next row.
                LOG.log(System.Logger.Level.WARNING, "a generation could not be ended in order", e);
            }
        }
    }
}
