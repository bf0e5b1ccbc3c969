package dev.tempera.engine;

import java.util.Iterator;

/**
 * A generation under way, pulled chunk by chunk. For one thread, save {@link #cancel}. Ends in exactly one of: the last
 * chunk, after which {@link #hasNext} is false and {@link #result} answers; or an exception from {@code hasNext} or
 * {@code next}.
 */
public interface TokenStream extends Iterator<GenerationChunk>, AutoCloseable {
    /**
     * Waits for the next chunk or the end.
     *
     * @throws dev.tempera.TemperaException if the generation failed
     */
    @Override
    boolean hasNext();

    @Override
    GenerationChunk next();

    /** Reads what is left and tells the whole: the text of all chunks, why it ended, what was in force. */
    GenerationResult result();

    /**
     * Ends the generation with the chunks read so far and {@link FinishReason#CANCELLED}: none comes after, also if the
     * engine ran ahead of the reader. {@link GenerationResult#usage} counts what was generated all the same. No effect
     * once the last chunk was read. From any thread, any number of times.
     */
    void cancel();

    /** Cancels what is left and frees it. Any number of times. */
    @Override
    void close();
}
