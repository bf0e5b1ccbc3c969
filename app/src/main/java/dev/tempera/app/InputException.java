package dev.tempera.app;

/** What the user typed cannot be used; the message is one sentence that says why. */
final class InputException extends RuntimeException {
    private static final long serialVersionUID = 1;

    InputException(String message) {
        super(message);
    }
}
