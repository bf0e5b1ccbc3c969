package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.LogitsProcessors;
import dev.tempera.Options;
import dev.tempera.ProcessorSpec;
import dev.tempera.Require;
import dev.tempera.Ties;
import dev.tempera.TokenScope;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** Options that several processors read in the same way. */
final class OptionValues {
    private OptionValues() {}

    static int window(Options o) {
        int window = o.getInt("window", -1);
        return window == -1 ? Integer.MAX_VALUE : window;
    }

    static TokenScope scope(Options o, TokenScope defaultScope) {
        return oneOf(o, "scope", TokenScope.values(), defaultScope);
    }

    static Ties ties(Options o) {
        return oneOf(o, "ties", Ties.values(), Ties.KEEP_ALL);
    }

    static <E extends Enum<E>> E oneOf(Options o, String name, E[] values, E defaultValue) {
        Object given = o.get(name);
        if (given == null) {
            return defaultValue;
        }
        List<String> known = new ArrayList<>();
        for (E value : values) {
            String wireName = value.name().toLowerCase(java.util.Locale.ROOT);
            if (wireName.equals(given)) {
                return value;
            }
            known.add(wireName);
        }
        throw new InvalidParametersException(name + " must be one of " + String.join(", ", known) + ", got " + given);
    }

    static Map<Integer, Double> biases(Options o) {
        if (!(o.get("biases") instanceof Map<?, ?> map)) {
            throw new InvalidParametersException("biases must be an object of token ids and numbers, got "
                    + Objects.requireNonNullElse(o.get("biases"), "none"));
        }
        Map<Integer, Double> biases = new TreeMap<>();
        map.forEach((key, value) -> {
            try {
                biases.put(Integer.valueOf(String.valueOf(key)), Double.valueOf(String.valueOf(value)));
            } catch (NumberFormatException e) {
                throw new InvalidParametersException(
                        "biases must be an object of token ids and numbers, got " + key + ": " + value);
            }
        });
        return biases;
    }

    /** {@code [[[10, 45], -2.0], [[64], -7.5]]}, as transformers; of a sequence given twice the last bias holds. */
    static Map<List<Integer>, Double> sequenceBiases(Options o) {
        String rule = "biases must be a list of pairs of token ids and a number, as [[[10, 45], -2.0]]";
        if (!(o.get("biases") instanceof List<?> pairs)) {
            throw new InvalidParametersException(rule);
        }
        Map<List<Integer>, Double> biases = new LinkedHashMap<>();
        for (Object pair : pairs) {
            if (!(pair instanceof List<?> entry && entry.size() == 2 && entry.get(0) instanceof List<?> ids)) {
                throw new InvalidParametersException(rule + ", got " + pair);
            }
            try {
                biases.put(
                        Options.of(Map.of("biases", ids)).getInts("biases"),
                        Double.valueOf(String.valueOf(entry.get(1))));
            } catch (NumberFormatException e) {
                throw new InvalidParametersException("the bias of " + ids + " must be a number, got " + entry.get(1));
            }
        }
        return biases;
    }

    /** A text, or a list of token ids. */
    static ThinkingBudget.Marker marker(Options o, String name, ThinkingBudget.Marker defaultMarker) {
        Object given = o.get(name);
        if (given == null) {
            return defaultMarker;
        }
        if (given instanceof String text) {
            return ThinkingBudget.Marker.of(text);
        }
        Require.that(given instanceof List, name, "be a text or a list of token ids", given);
        return ThinkingBudget.Marker.ofTokenIds(o.getInts(name));
    }

    static List<List<Integer>> sequences(Options o) {
        return sequences(o, "token_ids");
    }

    static List<List<Integer>> sequences(Options o, String name) {
        Object given = o.get(name);
        if (given == null) {
            return List.of();
        }
        List<List<Integer>> sequences = new ArrayList<>();
        for (Object sequence : given instanceof List<?> list ? list : List.of(given)) {
            sequences.add(Options.of(Collections.singletonMap(name, sequence)).getInts(name));
        }
        return sequences;
    }

    static LogitsProcessor processor(Options o) {
        Object given = o.get("processor");
        if (given instanceof Map<?, ?> map && map.get("name") instanceof String name) {
            Map<String, Object> options = new TreeMap<>();
            map.forEach((key, value) -> options.put(String.valueOf(key), value));
            options.remove("name");
            return LogitsProcessors.create(ProcessorSpec.of(name, options));
        }
        throw new InvalidParametersException(
                "processor must be an object with the name and the options of a processor, got " + given);
    }
}
