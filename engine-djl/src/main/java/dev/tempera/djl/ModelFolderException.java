package dev.tempera.djl;

import dev.tempera.TemperaException;
import java.io.IOException;
import java.nio.file.Path;

/** A model folder that cannot be used: missing, unreadable, damaged, of another architecture, or at odds with itself. */
public final class ModelFolderException extends TemperaException {
    private static final long serialVersionUID = 1;

    ModelFolderException(String message) {
        super(message);
    }

    ModelFolderException(String message, Throwable cause) {
        super(message, cause);
    }

    static ModelFolderException unreadable(Path file, IOException cause) {
        return new ModelFolderException(file + " cannot be read: " + cause, cause);
    }
}
