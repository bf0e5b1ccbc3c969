package dev.tempera.djl;

import dev.tempera.TemperaException;
import org.jspecify.annotations.Nullable;

/** DJL or libtorch is missing, cannot be loaded, or is not the version that was tested. */
public final class EngineSetupException extends TemperaException {
    private static final long serialVersionUID = 1;

    EngineSetupException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
