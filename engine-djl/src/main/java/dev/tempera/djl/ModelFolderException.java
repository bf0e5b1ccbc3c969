package dev.tempera.djl;

/** A model folder that cannot be used: missing, damaged, of another architecture, or at odds with itself. */
public final class ModelFolderException extends IllegalArgumentException {
    ModelFolderException(String message) {
        super(message);
    }
}
