package dev.tempera.vllm;

import java.nio.channels.ClosedByInterruptException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Sends the requests of one generation, one after another; each is sent again as any other is. */
final class ServerAsker implements ServerSteps.Asker {
    private final EventStream.Settings settings;
    private final Timeouts timeouts;
    private final String requestId;
    private final Map<String, String> headers;
    private final long affinity;
    private final long start = System.nanoTime(); // the total timeout is that of all requests
    private final Object lock = new Object();
    private @Nullable EventStream open; // guarded by the lock
    private boolean cancelled; // guarded by the lock
    private int requests;

    /** @param requestId each request has it with a number behind */
    ServerAsker(
            EventStream.Settings settings,
            Timeouts timeouts,
            String requestId,
            Map<String, String> headers,
            long affinity) {
        this.settings = settings;
        this.timeouts = timeouts;
        this.requestId = requestId;
        this.headers = headers;
        this.affinity = affinity;
    }

    @Override
    public Event ask(SendableRequest request) {
        requests++;
        EventStream.Sent sent = new EventStream.Sent(
                request.route(),
                RequestBody.of(request),
                String.valueOf(request.other().get("model")),
                requestId + "-" + requests,
                headers,
                affinity);
        try (EventStream events = opened(new EventStream(settings, sent, timeouts, start))) {
            Event answer = events.next();
            if (answer == null) {
                throw new VllmException(Reason.PROTOCOL, "the server gave an empty answer").withRequestId(requestId);
            }
            while (events.next() != null) {
                // A whole answer is one event; what could follow has no meaning.
            }
            return answer;
        } catch (ClosedByInterruptException e) {
            throw new VllmException(Reason.CONNECTION, "interrupted", e);
        }
    }

    private EventStream opened(EventStream events) {
        synchronized (lock) {
            open = events;
            if (cancelled) {
                events.close();
            }
        }
        return events;
    }

    @Override
    public void cancel() {
        EventStream current;
        synchronized (lock) {
            cancelled = true;
            current = open;
        }
        if (current != null) {
            current.close();
        }
    }
}
