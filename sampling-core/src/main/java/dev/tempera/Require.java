package dev.tempera;

import java.util.List;

/** Checks whose message names the parameter, the rule and the value found. For processors, in their constructors. */
public final class Require {
    private Require() {}

    /** @throws InvalidParametersException with {@code name must rule, got value} unless {@code holds} */
    public static void that(boolean holds, String name, String rule, Object value) {
        if (!holds) {
            throw new InvalidParametersException(name + " must " + rule + ", got "
                    + (value instanceof List ? Names.shown(value) : value)); // "" would be nothing within a list
        }
    }
}
