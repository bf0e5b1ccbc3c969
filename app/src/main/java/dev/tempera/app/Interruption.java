package dev.tempera.app;

import dev.tempera.engine.GenerationEngine;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * Ctrl-C. An engine in this process ends its generations by a hook of its own, one on a server is closed here; this one gives the main thread the time to write what
 * there is, and lets it know that the failures it now sees are none. Nobody waits for a thread without an engine, or
 * for one that waits for the keyboard.
 */
final class Interruption {
    /** Long enough for a model that is being loaded: the JVM must not exit under libtorch's feet. */
    private static final int PATIENCE_MILLIS = 10_000;

    private volatile boolean requested;
    private volatile boolean engineUsed;
    private volatile @Nullable GenerationEngine server;
    private volatile boolean reading;
    private volatile boolean done;

    private Interruption() {}

    static Interruption install() {
        Interruption interruption = new Interruption();
        try {
            Runtime.getRuntime().addShutdownHook(new Thread(interruption::await, "tempera-interruption"));
        } catch (IllegalStateException e) {
            interruption.requested = true; // Ctrl-C came before anything began.
        }
        return interruption;
    }

    boolean isRequested() {
        return requested;
    }

    /** Opens an engine: from here on the main thread is waited for. Connecting to a server can be left at any time. */
    GenerationEngine open(ModelChoice choice) {
        engineUsed = choice instanceof DjlChoice;
        if (requested) {
            throw new IllegalStateException("interrupted");
        }
        GenerationEngine engine = choice.open();
        if (choice instanceof VllmChoice) {
            server = engine;
            engineUsed = true;
        }
        return engine;
    }

    void mainIsDone() {
        done = true;
    }

    /** Standard input, where the main thread may wait for ever. */
    InputStream watch(InputStream input) {
        return new FilterInputStream(input) {
            @Override
            public int read() throws IOException {
                reading = true;
                try {
                    return super.read();
                } finally {
                    reading = false;
                }
            }

            @Override
            public int read(byte[] bytes, int offset, int length) throws IOException {
                reading = true;
                try {
                    return super.read(bytes, offset, length);
                } finally {
                    reading = false;
                }
            }
        };
    }

    private void await() {
        requested = !done;
        GenerationEngine open = server;
        if (requested && open != null) {
            open.close(); // The main thread waits for a token that may be long in coming.
        }
        long end = System.nanoTime() + PATIENCE_MILLIS * 1_000_000L;
        while (engineUsed && !done && !reading && System.nanoTime() < end) {
            try {
                Thread.sleep(10);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
