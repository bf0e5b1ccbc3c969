package dev.tempera.tokenizer;

import dev.tempera.TemperaException;

/** A model's files are in order, but have no such chat template: it continues text, and takes no conversations. */
public final class MissingChatTemplateException extends TemperaException {
    private static final long serialVersionUID = 1;

    MissingChatTemplateException(String message) {
        super(message);
    }
}
