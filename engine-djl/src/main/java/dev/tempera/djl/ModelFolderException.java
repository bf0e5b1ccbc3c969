package dev.tempera.djl;

import dev.tempera.TemperaException;

/** A model folder that cannot be used: missing, damaged, of another architecture, or at odds with itself. */
public final class ModelFolderException extends TemperaException {
    private static final long serialVersionUID = 1;

    ModelFolderException(String message) {
        super(message);
    }
}
