package dev.tempera.vllm;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The body of an answer, from the JDK's client to one reader. At most {@link #WINDOW} pieces wait here; a reader that
 * stays away stops the reading of the socket, and so in the end the server.
 */
final class HttpBody implements HttpResponse.BodySubscriber<HttpBody> {
    private static final int WINDOW = 16;

    // A lock and no monitor: a virtual thread that waits for a monitor holds its carrier up to JDK 23.
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final ArrayDeque<ByteBuffer> ready = new ArrayDeque<>();
    private Flow.@Nullable Subscription subscription;
    private int asked;
    private boolean ended;
    private boolean closed;
    private @Nullable Throwable failure;

    @Override
    public CompletionStage<HttpBody> getBody() {
        return CompletableFuture.completedFuture(this);
    }

    @Override
    public void onSubscribe(Flow.Subscription newSubscription) {
        boolean late;
        lock.lock();
        try {
            late = closed || subscription != null;
            if (!late) {
                subscription = newSubscription;
                asked = WINDOW;
            }
        } finally {
            lock.unlock();
        }
        if (late) {
            newSubscription.cancel();
        } else {
            newSubscription.request(WINDOW);
        }
    }

    @Override
    public void onNext(List<ByteBuffer> item) {
        lock.lock();
        try {
            asked--;
            ready.addAll(item);
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void onError(Throwable throwable) {
        lock.lock();
        try {
            failure = throwable;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void onComplete() {
        lock.lock();
        try {
            ended = true;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    int read(byte[] into, Duration timeout) throws IOException {
        int length;
        Flow.Subscription more = null;
        lock.lock();
        try {
            if (!await(timeout.toNanos())) {
                throw new SocketTimeoutException("nothing came within " + timeout.toMillis() + " ms");
            }
            if (closed) {
                throw new IOException("the exchange was closed");
            }
            length = take(into);
            if (length == 0 && failure != null) {
                throw new IOException("the connection broke before the end of the answer", failure);
            }
            if (ready.isEmpty() && asked < WINDOW / 2 && !ended) {
                more = subscription;
                asked += WINDOW;
            }
        } finally {
            lock.unlock();
        }
        if (more != null) {
            more.request(WINDOW);
        }
        return length == 0 ? -1 : length;
    }

    private boolean await(long nanos) throws ClosedByInterruptException {
        long left = nanos;
        while (ready.isEmpty() && !ended && failure == null && !closed) {
            if (left <= 0) {
                return false;
            }
            try {
                left = changed.awaitNanos(left);
            } catch (InterruptedException e) {
                close();
                Thread.currentThread().interrupt();
                throw new ClosedByInterruptException();
            }
        }
        return true;
    }

    private int take(byte[] into) {
        int length = 0;
        for (ByteBuffer first; (first = ready.peek()) != null && length < into.length; ) {
            int part = Math.min(first.remaining(), into.length - length);
            first.get(into, length, part);
            length += part;
            if (!first.hasRemaining()) {
                ready.remove();
            }
        }
        return length;
    }

    void close() {
        Flow.Subscription open;
        lock.lock();
        try {
            open = ended ? null : subscription;
            closed = true;
            ready.clear();
            changed.signal();
        } finally {
            lock.unlock();
        }
        if (open != null) {
            open.cancel();
        }
    }
}
