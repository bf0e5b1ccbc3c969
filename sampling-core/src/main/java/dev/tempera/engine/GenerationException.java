package dev.tempera.engine;

import dev.tempera.TemperaException;
import org.jspecify.annotations.Nullable;

/** A generation that had begun failed. What was generated before is kept. */
public class GenerationException extends TemperaException {
    private static final long serialVersionUID = 1;

    private final transient @Nullable GenerationResult partialResult;

    public GenerationException(String message, @Nullable GenerationResult partialResult, @Nullable Throwable cause) {
        super(message, cause);
        this.partialResult = partialResult;
    }

    /** What was there before the failure; null if nothing was. */
    public @Nullable GenerationResult partialResult() {
        return partialResult;
    }
}
