package dev.tempera;

import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** A processor by its registered name, with JSON-shaped options in the order of their names. Immutable. */
public record ProcessorSpec(String name, SortedMap<String, Object> options) {
    public ProcessorSpec {
        options = Collections.unmodifiableSortedMap(new TreeMap<>(options));
    }

    public static ProcessorSpec of(String name, Map<String, ?> options) {
        return new ProcessorSpec(name, new TreeMap<>(options));
    }
}
