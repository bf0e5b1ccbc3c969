package dev.tempera.app.process;

import dev.tempera.InvalidParametersException;
import org.jspecify.annotations.Nullable;

/** Numbers within parameters, which may also be the strings that logits may be. */
final class Numbers {
    private Numbers() {}

    static double read(String name, @Nullable Object value) {
        if (value instanceof Number number) {
            return number.doubleValue();
        }
        if ("-inf".equals(value)) {
            return Double.NEGATIVE_INFINITY;
        }
        throw new InvalidParametersException(name + " must be a number or \"-inf\", got " + value);
    }
}
