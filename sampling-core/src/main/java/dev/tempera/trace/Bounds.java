package dev.tempera.trace;

import dev.tempera.Require;
import java.util.Locale;

/** A number that lies between two. Both are the same when it is known. Immutable and thread-safe. */
public record Bounds(double lower, double upper) {
    /** @throws dev.tempera.InvalidParametersException unless {@code lower <= upper} */
    public Bounds {
        if (!(lower <= upper)) {
            Require.that(false, "lower", "be at most upper (" + upper + ")", lower);
        }
    }

    static Bounds exactly(double value) {
        return new Bounds(value, value);
    }

    public boolean isExact() {
        return lower == upper;
    }

    /** How far apart they are: 0 when the number is known, also when it is -inf. */
    public double width() {
        return isExact() ? 0 : upper - lower;
    }

    public boolean contains(double value) {
        return lower <= value && value <= upper;
    }

    /** Of logarithms: the bounds of what they are the logarithms of. */
    public Bounds exp() {
        return new Bounds(Math.exp(lower), Math.exp(upper));
    }

    /** Of logarithms: the logarithm of the middle of what they stand for. */
    public double logMiddle() {
        return isExact() ? lower : upper + Math.log((1 + Math.exp(lower - upper)) / 2);
    }

    Bounds plus(Bounds other) {
        return new Bounds(lower + other.lower, upper + other.upper);
    }

    Bounds hull(Bounds other) {
        return new Bounds(Math.min(lower, other.lower), Math.max(upper, other.upper));
    }

    /** Four decimals; {@code a … b} unless both ends look the same. */
    @Override
    public String toString() {
        String low = String.format(Locale.ROOT, "%.4f", lower);
        String high = String.format(Locale.ROOT, "%.4f", upper);
        return low.equals(high) ? low : low + " … " + high;
    }
}
