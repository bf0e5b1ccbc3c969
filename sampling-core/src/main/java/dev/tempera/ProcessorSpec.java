package dev.tempera;

import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** A processor by its registered name, with JSON-shaped options in the order of their names. Immutable. */
public record ProcessorSpec(String name, SortedMap<String, Object> options) {
    /** @throws InvalidParametersException if an option is called "name", which would hide the processor's */
    public ProcessorSpec {
        Require.that(!options.containsKey("name"), "processor \"" + name + "\"", "have no option \"name\"", options);
        options = Collections.unmodifiableSortedMap(new TreeMap<>(options));
    }

    public static ProcessorSpec of(String name, Map<String, ?> options) {
        return new ProcessorSpec(name, new TreeMap<>(options));
    }
}
