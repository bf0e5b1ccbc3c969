package dev.tempera;

/** No token can be chosen: every logit is NaN or -inf. The weights, the data type or the constraints are wrong. */
public final class InvalidLogitsException extends TemperaException {
    private static final long serialVersionUID = 1;

    public InvalidLogitsException(String message) {
        super(message);
    }
}
