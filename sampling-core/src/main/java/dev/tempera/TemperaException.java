package dev.tempera;

import org.jspecify.annotations.Nullable;

/** The base of every exception this library throws on purpose. Unchecked; the message says what to do. */
public class TemperaException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public TemperaException(String message) {
        super(message);
    }

    public TemperaException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
