package dev.tempera.vllm;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The events of one generation, from the choice of a server to {@code [DONE]}: sends again what failed before its first
 * token, and watches the timeouts. For one thread, save {@link #close}.
 */
final class EventStream implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(EventStream.class.getName());

    /** The largest event known is the whole vocabulary's log-probabilities in chat's shape, some 10 MB. */
    private static final int MOST_EVENT_BYTES = 64 << 20;

    /** The end of the body comes with or right after {@code [DONE]}; the connection can be kept only if it was seen. */
    private static final Duration END_OF_BODY = Duration.ofMillis(100);

    /**
     * What is the same for all requests of an engine.
     *
     * @param tap is shown the request's id and every payload before it is read; null for none
     * @param servedModels for messages
     */
    record Settings(
            Fleet<Server> fleet,
            Retries retries,
            @Nullable BiConsumer<String, String> tap,
            List<String> servedModels) {}

    /**
     * What is sent, at every attempt.
     *
     * @param model that it names, for messages
     * @param headers further ones
     * @param affinity see {@link Affinity}
     */
    record Sent(Route route, byte[] body, String model, String requestId, Map<String, String> headers, long affinity) {
        Sent {
            headers = new TreeMap<>(headers);
            headers.put("X-Request-Id", requestId);
        }
    }

    private final Settings settings;
    private final Sent sent;
    private final Timeouts timeouts;
    private final long start;
    private final Queue<Event> events = new ArrayDeque<>();
    private final byte[] buffer = new byte[16384];
    private final List<Server> tried = new ArrayList<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition closing = lock.newCondition();
    private @Nullable Attempt attempt; // guarded by lock
    private boolean closed; // guarded by lock
    private @Nullable ServerSentEvents parser;
    private EventReader reader = new EventReader();
    private int attempts;
    private long waited; // since the last token or the request, in nanoseconds
    private long deadline = Long.MAX_VALUE;
    private boolean token;
    private boolean done;

    /** A request on its way to a server. */
    private record Attempt(Fleet<Server>.Lease lease, Transport.Exchange exchange) {
        Server server() {
            return lease.server();
        }

        void close() {
            exchange.close();
            lease.close();
        }
    }

    /** @param start when the generation began, in {@link System#nanoTime}: the total timeout counts from then */
    EventStream(Settings settings, Sent sent, Timeouts timeouts, long start) {
        this.settings = settings;
        this.sent = sent;
        this.timeouts = timeouts;
        this.start = start;
    }

    String requestId() {
        return sent.requestId;
    }

    /** From the first token on, waiting ends after so long since the start, see {@link #isPastDeadline}. */
    void deadline(Duration afterStart) {
        deadline = afterStart.toNanos();
    }

    boolean isPastDeadline() {
        return token && elapsed() >= deadline;
    }

    /**
     * Sends the request without waiting for an answer; {@link #next} does it, too. Waits for room if the engine has a
     * limit.
     *
     * @throws VllmException if there is no server to send it to
     */
    void send() throws ClosedByInterruptException {
        while (attempt() == null) {
            Fleet<Server>.Lease lease = lease();
            try {
                begin(lease);
            } catch (VllmException e) {
                failed(lease, e);
                waitToRetry(e);
            } catch (RuntimeException | Error e) { // of a transport that is not ours
                lease.close();
                throw e;
            }
        }
    }

    /** A server is not to blame for what was closed here. */
    private void failed(Fleet<Server>.Lease lease, VllmException failure) {
        lock.lock();
        try {
            if (!closed) {
                lease.failed(failure);
                tried.add(lease.server());
            }
        } finally {
            lock.unlock();
            lease.close();
        }
    }

    private @Nullable Attempt attempt() {
        lock.lock();
        try {
            return attempt;
        } finally {
            lock.unlock();
        }
    }

    private void begin(Fleet<Server>.Lease lease) {
        attempts++;
        parser = null;
        reader = new EventReader();
        Attempt begun = new Attempt(lease, lease.server().send("POST", sent.route.path(), sent.body, sent.headers));
        LOG.log(
                System.Logger.Level.DEBUG,
                () -> "POST " + lease.server().uri(sent.route.path()) + ", request " + sent.requestId + ", attempt "
                        + attempts);
        lock.lock();
        try {
            attempt = begun;
            if (closed) {
                begun.close();
            }
        } finally {
            lock.unlock();
        }
    }

    private Fleet<Server>.Lease lease() throws ClosedByInterruptException {
        long begin = System.nanoTime();
        try {
            return settings.fleet.choose(sent.affinity, tried);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ClosedByInterruptException();
        } finally {
            waited += System.nanoTime() - begin;
        }
    }

    /**
     * Waits for the next event.
     *
     * @return null after {@code [DONE]}
     * @throws VllmException for whatever else ends the stream; without a partial result
     * @throws ClosedByInterruptException if the thread was interrupted
     */
    @Nullable
    Event next() throws ClosedByInterruptException {
        while (true) {
            send();
            Attempt current = Objects.requireNonNull(attempt());
            try {
                Event event = next(current);
                if (event != null && isProgress(event)) {
                    if (!token) {
                        current.lease.answered();
                    }
                    token = true;
                    waited = 0;
                }
                return event;
            } catch (VllmException e) {
                failed(current.lease, e);
                waitToRetry(e);
            }
        }
    }

    /** Before the first token only a token counts: a chat's first event comes before the prompt is read. */
    private boolean isProgress(Event event) {
        return token
                || event.choices().stream()
                        .anyMatch(c -> !c.text().isEmpty()
                                || c.tokenIds().length > 0
                                || !c.reasoning().isEmpty()
                                || !c.toolCalls().isEmpty()
                                || c.finishReason() != null);
    }

    private @Nullable Event next(Attempt current) throws ClosedByInterruptException {
        try {
            while (events.isEmpty() && !done) {
                if (parser == null) {
                    open(current);
                } else {
                    readMore(current, parser);
                }
            }
        } catch (ClosedByInterruptException e) {
            throw e;
        } catch (IOException e) {
            throw broken(current.server(), e);
        }
        Event event = events.poll();
        if (event == null) {
            drain(current);
            return null;
        }
        Event.ServerError error = event.error();
        if (error != null) {
            drain(current); // [DONE] follows
            throw ErrorBody.inStream(asked(current.server()), error).withRequestId(sent.requestId);
        }
        return event;
    }

    private void open(Attempt current) throws IOException {
        Transport.Exchange exchange = current.exchange;
        int status = awaiting(current.server(), exchange::status);
        String type = exchange.header("Content-Type");
        String lower = type == null ? "" : type.toLowerCase(Locale.ROOT);
        if (status != 200) {
            byte[] answer = readAll(current);
            throw ErrorBody.of(asked(current.server()), status, answer, exchange.header("Retry-After"))
                    .withRequestId(sent.requestId);
        }
        parser = new ServerSentEvents(this::payload, MOST_EVENT_BYTES);
        if (lower.startsWith("application/json")) {
            // What cannot be streamed is answered as a whole.
            byte[] answer = readAll(current);
            payload(null, answer, 0, answer.length);
            done = true;
        } else if (!lower.startsWith("text/event-stream")) {
            throw new VllmException(
                            Reason.PROTOCOL,
                            "POST " + current.server().uri(sent.route.path()) + " was answered with "
                                    + (lower.isEmpty() ? "no content type" : lower)
                                    + ", not with a stream of events: is that a vLLM server?")
                    .withRequestId(sent.requestId);
        }
    }

    private byte[] readAll(Attempt current) throws IOException {
        return Server.readAll(into -> awaiting(current.server(), timeout -> current.exchange.read(into, timeout)));
    }

    private void readMore(Attempt current, ServerSentEvents into) throws IOException {
        int length = awaiting(current.server(), timeout -> current.exchange.read(buffer, timeout));
        if (length < 0) {
            throw new IOException("it ended without [DONE]");
        }
        into.feed(buffer, 0, length);
    }

    private void payload(@Nullable String type, byte[] data, int from, int to) {
        BiConsumer<String, String> tap = settings.tap;
        if (tap != null) {
            tap.accept(sent.requestId, new String(data, from, to - from, StandardCharsets.UTF_8));
        }
        if (EventReader.isDone(data, from, to)) {
            done = true;
        } else if (!done) {
            events.add(reader.read(data, from, to));
        }
    }

    /**
     * Reads on to the end of the body, so that the connection can be kept. An end that is late is left to the transport:
     * closed just as it comes, the connection may be another request's already.
     */
    private void drain(Attempt current) {
        try {
            byte[] rest = new byte[64];
            while (current.exchange.read(rest, END_OF_BODY) >= 0) {
                // What stands behind [DONE] has no meaning.
            }
        } catch (IOException e) {
            // Then the connection is not kept.
        }
        lock.lock();
        try {
            attempt = null;
        } finally {
            lock.unlock();
        }
        current.lease.close();
    }

    private interface Waiting {
        int await(Duration timeout) throws IOException;
    }

    /** Counts the time, and turns what is too long into the timeout that it is. */
    private int awaiting(Server server, Waiting waiting) throws IOException {
        while (true) {
            Duration left = remaining(server);
            long begin = System.nanoTime();
            try {
                return waiting.await(left);
            } catch (SocketTimeoutException e) {
                // remaining() knows which of the timeouts that was.
            } finally {
                waited += System.nanoTime() - begin;
            }
        }
    }

    /** Until the first timeout that is due; throws what is due already. */
    private Duration remaining(Server server) {
        long ofAll = Math.min(timeouts.total().toNanos(), token ? deadline : Long.MAX_VALUE) - elapsed();
        if (ofAll <= 0) {
            throw late(server, Reason.TOTAL_TIMEOUT, "did not end", timeouts.total(), "raise the total timeout");
        }
        long ofTokens = (token ? timeouts.betweenTokens() : timeouts.firstToken()).toNanos() - waited;
        if (ofTokens > 0) {
            return Duration.ofNanos(Math.min(ofTokens, ofAll));
        }
        throw token
                ? late(
                        server,
                        Reason.IDLE_TIMEOUT,
                        "stood still",
                        timeouts.betweenTokens(),
                        "the server hangs or is overloaded; else raise the timeout between tokens")
                : late(
                        server,
                        Reason.FIRST_TOKEN_TIMEOUT,
                        "gave no token",
                        timeouts.firstToken(),
                        "its queue is long, or the prompt is; else raise the timeout of the first token");
    }

    private VllmException late(Server server, Reason reason, String what, Duration limit, String advice) {
        String message = "the stream from " + server.uri(sent.route.path()) + " " + what + " within " + Texts.of(limit)
                + ": " + advice;
        return new VllmException(reason, message).withRequestId(sent.requestId);
    }

    private long elapsed() {
        return System.nanoTime() - start;
    }

    private VllmException broken(Server server, IOException e) {
        if (!token) {
            return ConnectionFailure.of(server.uri(), e).withRequestId(sent.requestId);
        }
        return new VllmException(
                        Reason.TRUNCATED,
                        "the stream from " + server.uri(sent.route.path()) + " broke off (" + e.getMessage()
                                + "): the text so far is in the partial result",
                        e)
                .withRequestId(sent.requestId);
    }

    private ErrorBody.Asked asked(Server server) {
        return server.asked("POST", sent.route.path(), sent.model, settings.servedModels, sent.requestId);
    }

    /** Lets go of the server; throws the failure if there is to be no further attempt. */
    private void waitToRetry(VllmException failure) throws ClosedByInterruptException {
        letGo();
        Duration delay = token ? null : delay(failure);
        long left = timeouts.firstToken().toNanos() - waited;
        if (delay == null || delay.toNanos() >= left || !sleep(delay.toNanos())) {
            throw failure;
        }
        waited += delay.toNanos();
        LOG.log(
                System.Logger.Level.INFO,
                () -> "request " + sent.requestId + " is sent again after attempt " + attempts + ": "
                        + failure.getMessage());
        events.clear();
        done = false;
    }

    private @Nullable Duration delay(VllmException failure) {
        Duration delay =
                settings.retries.delay(attempts, Duration.ofNanos(elapsed()), failure, ThreadLocalRandom.current());
        // Another server has no reason to be waited for.
        return delay != null && !tried.isEmpty() && settings.fleet.hasOther(tried) ? Duration.ZERO : delay;
    }

    private void letGo() {
        lock.lock();
        try {
            if (attempt != null) {
                attempt.close();
                attempt = null;
            }
        } finally {
            lock.unlock();
        }
    }

    /** False if this was closed meanwhile. */
    private boolean sleep(long nanos) throws ClosedByInterruptException {
        lock.lock();
        try {
            for (long left = nanos; left > 0 && !closed; ) {
                left = closing.awaitNanos(left);
            }
            return !closed;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ClosedByInterruptException();
        } finally {
            lock.unlock();
        }
    }

    /** Closes the connection at once, unless the stream has ended, and unblocks {@link #next}. From any thread. */
    @Override
    public void close() {
        Attempt open;
        lock.lock();
        try {
            closed = true;
            open = attempt;
            closing.signalAll();
        } finally {
            lock.unlock();
        }
        if (open != null) {
            open.close();
        }
    }
}
