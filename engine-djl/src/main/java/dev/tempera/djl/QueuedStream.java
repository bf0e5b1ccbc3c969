package dev.tempera.djl;

import dev.tempera.engine.FinishReason;
import dev.tempera.engine.Generation;
import dev.tempera.engine.GenerationChunk;
import dev.tempera.engine.GenerationException;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.TokenStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * The hand-over between the decode thread, which offers chunks and ends the stream, and the one thread that reads.
 * Holds at most {@code capacity} chunks: the decode thread asks {@link #hasRoom} first and pauses the sequence if not.
 */
final class QueuedStream implements TokenStream, Generation.Output {
    private final int capacity;
    private final DecodeThread decodeThread;
    private final Queue<GenerationChunk> chunks = new ArrayDeque<>();
    private final List<GenerationChunk> read = new ArrayList<>();
    private @Nullable GenerationResult result;
    private @Nullable GenerationException failure;
    private boolean cancelled;
    private long fullSince;

    QueuedStream(int capacity, DecodeThread decodeThread) {
        this.capacity = capacity;
        this.decodeThread = decodeThread;
    }

    synchronized boolean hasRoom() {
        return chunks.size() < capacity;
    }

    /** How long the reader has stayed away from a full queue; 0 while there is room. */
    synchronized long nanosUnread(long now) {
        return chunks.size() < capacity ? 0 : now - fullSince;
    }

    synchronized boolean isCancelled() {
        return cancelled;
    }

    @Override
    public synchronized void put(GenerationChunk chunk) {
        if (cancelled) {
            return;
        }
        chunks.add(chunk);
        fullSince = System.nanoTime();
        notifyAll();
    }

    @Override
    public synchronized void end(GenerationResult whole) {
        result = whole;
        notifyAll();
    }

    @Override
    public synchronized void fail(GenerationException cause) {
        failure = cause;
        notifyAll();
    }

    @Override
    public synchronized boolean hasNext() {
        while (chunks.isEmpty() && result == null && failure == null) {
            decodeThread.requireOther();
            try {
                wait();
            } catch (InterruptedException e) {
                // The caller wants its thread back: end the generation, keep the interrupt, and wait for the end, which
                // is one step away.
                Thread.currentThread().interrupt();
                cancel();
                waitForEndUninterrupted();
            }
        }
        if (chunks.isEmpty() && failure != null) {
            throw failure;
        }
        return !chunks.isEmpty();
    }

    private void waitForEndUninterrupted() {
        boolean interrupted = Thread.interrupted();
        while (result == null && failure == null) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public synchronized GenerationChunk next() {
        if (!hasNext()) {
            throw new NoSuchElementException("the generation has ended");
        }
        GenerationChunk chunk = chunks.remove();
        read.add(chunk);
        decodeThread.wake();
        return chunk;
    }

    @Override
    public GenerationResult result() {
        while (hasNext()) {
            next();
        }
        synchronized (this) {
            GenerationResult whole = Objects.requireNonNull(result);
            return cancelled ? asRead(whole) : whole;
        }
    }

    /** The decode thread runs ahead of the reader: what it made after the last chunk that was read does not count. */
    private GenerationResult asRead(GenerationResult whole) {
        StringBuilder text = new StringBuilder();
        List<Integer> tokenIds = new ArrayList<>();
        for (GenerationChunk chunk : read) {
            text.append(chunk.text());
            tokenIds.addAll(chunk.tokenIds());
        }
        return GenerationResult.builder()
                .text(text.toString())
                .tokenIds(tokenIds)
                .finishReason(FinishReason.CANCELLED)
                .usage(whole.usage())
                .effectiveParameters(whole.effectiveParameters())
                .trace(whole.trace() == null ? null : whole.trace().first(tokenIds.size()))
                .build();
    }

    @Override
    public void cancel() {
        synchronized (this) {
            if (result != null && chunks.isEmpty()) {
                return; // everything was read: there is nothing to cancel
            }
            cancelled = true;
            chunks.clear();
            notifyAll();
        }
        decodeThread.wake();
    }

    @Override
    public void close() {
        cancel();
    }
}
