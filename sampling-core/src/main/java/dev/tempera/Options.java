package dev.tempera;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Typed reading of JSON-shaped options; remembers which names were asked for. Not thread-safe. */
public final class Options {
    private final Map<String, Object> values;
    private final SortedSet<String> asked = new TreeSet<>();
    private final boolean missesNothing;

    private Options(Map<String, ?> values, boolean missesNothing) {
        this.values = new TreeMap<>(values);
        this.missesNothing = missesNothing;
    }

    public static Options of(Map<String, ?> values) {
        return new Options(values, false);
    }

    /** Empty, with 0 for what must be given: lets a reader go on to its last name, see {@link #asked}. */
    static Options forNames() {
        return new Options(Map.of(), true);
    }

    /** @throws InvalidParametersException if it is missing or no number */
    public double requireDouble(String name) {
        return number(name, require(name)).doubleValue();
    }

    public double getDouble(String name, double defaultValue) {
        Object value = get(name);
        return value == null ? defaultValue : number(name, value).doubleValue();
    }

    /** @throws InvalidParametersException if it is missing or no whole number */
    public int requireInt(String name) {
        return integer(name, require(name));
    }

    /** @throws InvalidParametersException if it is missing or no whole number of 64 bits */
    public long requireLong(String name) {
        Number value = number(name, require(name));
        try {
            return new BigDecimal(value.toString()).longValueExact();
        } catch (ArithmeticException | NumberFormatException e) {
            throw new InvalidParametersException(name + " must be a whole number of 64 bits, got " + value);
        }
    }

    public int getInt(String name, int defaultValue) {
        Object value = get(name);
        return value == null ? defaultValue : integer(name, value);
    }

    public boolean getBoolean(String name, boolean defaultValue) {
        Object value = get(name);
        if (value == null) {
            return defaultValue;
        }
        Require.that(value instanceof Boolean, name, "be true or false", Names.shown(value));
        return (Boolean) value;
    }

    public List<String> getStrings(String name) {
        List<String> result = new ArrayList<>();
        for (Object element : list(name)) {
            Require.that(element instanceof String, name, "be a list of strings", Names.shown(element));
            result.add((String) element);
        }
        return result;
    }

    public List<Integer> getInts(String name) {
        List<Integer> result = new ArrayList<>();
        for (Object element : list(name)) {
            result.add(integer(name, element));
        }
        return result;
    }

    /** The raw value, null when it is not given. */
    public @Nullable Object get(String name) {
        asked.add(name);
        return values.get(name);
    }

    /** Names that were given and never asked for. */
    public SortedSet<String> unread() {
        SortedSet<String> names = new TreeSet<>(values.keySet());
        names.removeAll(asked);
        return names;
    }

    /** Names that were asked for, given or not. */
    public SortedSet<String> asked() {
        return new TreeSet<>(asked);
    }

    private Object require(String name) {
        Object value = get(name);
        if (value == null && missesNothing) {
            return 0;
        }
        if (value == null) {
            throw new InvalidParametersException(name + " must be given");
        }
        return value;
    }

    private List<?> list(String name) {
        Object value = get(name);
        if (value == null) {
            return List.of();
        }
        Require.that(value instanceof List, name, "be a list", Names.shown(value));
        return (List<?>) value;
    }

    private static Number number(String name, Object value) {
        Require.that(value instanceof Number, name, "be a number", Names.shown(value));
        return (Number) value;
    }

    private static int integer(String name, Object value) {
        double number = number(name, value).doubleValue();
        Require.that(number == (int) number, name, "be a whole number", Names.shown(value));
        return (int) number;
    }
}
