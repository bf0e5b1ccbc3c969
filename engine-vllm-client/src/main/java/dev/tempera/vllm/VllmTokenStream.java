package dev.tempera.vllm;

import dev.tempera.engine.FinishReason;
import dev.tempera.engine.Generation;
import dev.tempera.engine.GenerationChunk;
import dev.tempera.engine.GenerationException;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.TokenStream;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Queue;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A generation on a server, read as its reader asks for it. Ends in exactly one of: complete, because the server said
 * why it ends and that it is complete, or because the client cut it at a stop string, a pattern, a repetition or the
 * deadline; failed, with the reason and what came before; cancelled. What the client ends, it ends by closing the
 * connection, which is how a vLLM server is told to stop.
 */
final class VllmTokenStream implements TokenStream, Running, Generation.Output {
    private static final System.Logger LOG = System.getLogger(VllmTokenStream.class.getName());

    /** Goes on after a broken connection. */
    interface Continuation {
        /**
         * The events of the rest.
         *
         * @param received all ids so far
         * @param time how often this generation was continued, this time included
         * @return null if nothing is left to generate
         */
        @Nullable
        EventStream after(List<Integer> received, int time);
    }

    private final BooleanSupplier engineClosed;
    private final @Nullable Continuation continuation;
    private final int mostContinuations;
    private final Consumer<Running> ended;
    private final Queue<GenerationChunk> chunks = new ArrayDeque<>();
    private int charactersRead;
    private int reasoningRead;
    private int idsRead;
    private final Object lock = new Object();
    private EventStream events; // written by the reader, guarded by the lock
    private boolean cancelled; // guarded by the lock
    private boolean over; // the reader has seen the end; guarded by the lock
    private @Nullable Receiver receiver;
    private @Nullable GenerationResult result;
    private @Nullable GenerationException failure;
    private int continuations;

    /**
     * @param continuation null if a broken connection is a failure
     * @param ended is told once nothing more is to be read from the server
     */
    VllmTokenStream(
            EventStream events,
            BooleanSupplier engineClosed,
            @Nullable Continuation continuation,
            int mostContinuations,
            Consumer<Running> ended) {
        this.events = events;
        this.engineClosed = engineClosed;
        this.continuation = continuation;
        this.mostContinuations = mostContinuations;
        this.ended = ended;
    }

    /** Sends the request; the generation's output is this stream. */
    void start(Receiver to, @Nullable Duration deadline) {
        receiver = to;
        if (deadline != null) {
            events.deadline(deadline);
        }
        generation().begin();
        generation().details(Map.of("request_id", events.requestId()));
        step(() -> events.send());
    }

    private Generation generation() {
        return receiver().generation();
    }

    private Receiver receiver() {
        return Objects.requireNonNull(receiver, "the stream was not started");
    }

    @Override
    public boolean hasNext() {
        // An event may hold more than its reader has taken: cancelled, it is not taken any more.
        while ((chunks.isEmpty() || isCancelled()) && !generation().isFinished()) {
            step(this::readEvent);
        }
        synchronized (lock) {
            if (cancelled) {
                chunks.clear();
            }
            over |= chunks.isEmpty();
        }
        if (chunks.isEmpty() && failure != null) {
            throw failure;
        }
        return !chunks.isEmpty();
    }

    private interface Step {
        void run() throws ClosedByInterruptException;
    }

    /** Does something that may wait, and turns whatever ends it into the end of the generation. */
    private void step(Step step) {
        try {
            if (isCancelled()) {
                generation().finish(FinishReason.CANCELLED);
            } else if (engineClosed.getAsBoolean()) {
                generation().finish(FinishReason.ABORT);
            } else {
                step.run();
            }
        } catch (ClosedByInterruptException e) {
            // The caller wants its thread back; the interrupt stays set.
            cancel();
            generation().finish(FinishReason.CANCELLED);
        } catch (VllmException e) {
            fail(e);
        } catch (Throwable e) {
            generation().fail(e);
        } finally {
            if (generation().isFinished()) {
                events.close();
                ended.accept(this);
            }
        }
    }

    private void readEvent() throws ClosedByInterruptException {
        Event event = events.next();
        if (event == null) {
            receiver().complete(events.requestId());
            return;
        }
        if (continuations == 0) { // a continuation counts the text so far as prompt
            receiver().ofAll(event, 1);
        }
        for (Event.Choice choice : event.choices()) {
            receiver().take(choice);
        }
    }

    private void fail(VllmException cause) {
        Receiver to = receiver();
        if (isCancelled()) {
            to.generation().finish(FinishReason.CANCELLED);
            return;
        }
        if (engineClosed.getAsBoolean()) {
            to.generation().finish(FinishReason.ABORT);
            return;
        }
        if (events.isPastDeadline()) {
            to.cut();
            to.generation().finish(FinishReason.DEADLINE);
            return;
        }
        boolean broken = cause.reason() == Reason.TRUNCATED && cause.getCause() instanceof IOException;
        if (broken && !to.hasReason() && goOn(cause)) {
            return;
        }
        to.cut();
        to.generation().fail(partial -> cause.withPartialResult(partial));
    }

    private boolean goOn(VllmException cause) {
        if (continuation == null || continuations >= mostContinuations) {
            return false;
        }
        continuations++;
        EventStream rest = continuation.after(generation().tokenIds(), continuations);
        if (rest == null) {
            generation().finish(FinishReason.LENGTH);
            return true;
        }
        LOG.log(
                System.Logger.Level.INFO,
                () -> "request " + events.requestId() + " goes on as " + rest.requestId() + ": " + cause.getMessage());
        events.close();
        synchronized (lock) {
            events = rest;
            if (cancelled) {
                rest.close();
            }
        }
        generation().details(Map.of("resumed", continuations));
        return true;
    }

    private boolean isCancelled() {
        synchronized (lock) {
            return cancelled;
        }
    }

    @Override
    public GenerationChunk next() {
        if (!hasNext()) {
            throw new NoSuchElementException("the generation has ended");
        }
        GenerationChunk chunk = chunks.remove();
        charactersRead += chunk.text().length();
        reasoningRead += chunk.reasoning().length();
        idsRead += chunk.tokenIds().size();
        return chunk;
    }

    @Override
    public GenerationResult result() {
        while (hasNext()) {
            next();
        }
        GenerationResult whole = Objects.requireNonNull(result);
        return isCancelled() ? asRead(whole) : whole;
    }

    /** An event may hold several tokens: what its reader did not take before it cancelled does not count. */
    private GenerationResult asRead(GenerationResult whole) {
        Logprobs logprobs = whole.logprobs();
        return GenerationResult.builder()
                .text(whole.text().substring(0, charactersRead))
                .reasoning(whole.reasoning().substring(0, reasoningRead))
                .tokenIds(whole.tokenIds().subList(0, idsRead))
                .finishReason(FinishReason.CANCELLED)
                .usage(whole.usage())
                .effectiveParameters(whole.effectiveParameters())
                .logprobs(logprobs == null ? null : first(logprobs))
                .toolCalls(whole.toolCalls())
                .details(whole.details())
                .build();
    }

    private Logprobs first(Logprobs all) {
        int positions = Math.min(idsRead, all.positions().size());
        return new Logprobs(all.stage(), all.positions().subList(0, positions));
    }

    @Override
    public void abort() {
        EventStream open;
        synchronized (lock) {
            open = events;
        }
        open.close();
    }

    @Override
    public void cancel() {
        EventStream open;
        synchronized (lock) {
            if (over) {
                return;
            }
            cancelled = true;
            open = events;
        }
        open.close();
        ended.accept(this);
    }

    @Override
    public void close() {
        cancel();
        // Nobody may read on: the end is told to the listener here.
        if (receiver != null && !generation().isFinished()) {
            generation().finish(FinishReason.CANCELLED);
        }
    }

    @Override
    public void put(GenerationChunk chunk) {
        chunks.add(chunk);
    }

    @Override
    public void end(GenerationResult whole) {
        result = whole;
    }

    @Override
    public void fail(GenerationException cause) {
        failure = cause;
    }
}
