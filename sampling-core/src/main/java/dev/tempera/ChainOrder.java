package dev.tempera;

import static dev.tempera.Parameter.*;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The names of llama.cpp's {@code --samplers} and the letters of its {@code --sampler-seq}. */
final class ChainOrder {
    /** llama.cpp's own default, without infill and adaptive_p. */
    static final List<String> DEFAULT =
            List.of("penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature");

    /** What sets each stage going. */
    static final SortedMap<String, List<Parameter>> PARAMETERS = new TreeMap<>(Map.ofEntries(
            Map.entry("penalties", List.of(REPETITION_PENALTY, PRESENCE_PENALTY, FREQUENCY_PENALTY)),
            Map.entry("dry", List.of(DRY_MULTIPLIER)),
            Map.entry("top_n_sigma", List.of(TOP_N_SIGMA)),
            Map.entry("top_k", List.of(TOP_K)),
            Map.entry("typ_p", List.of(TYPICAL_P)),
            Map.entry("top_p", List.of(TOP_P)),
            Map.entry("min_p", List.of(MIN_P)),
            Map.entry("xtc", List.of(XTC_PROBABILITY)),
            Map.entry("temperature", List.of(TEMPERATURE, DYNATEMP_RANGE)),
            Map.entry("adaptive_p", List.of(ADAPTIVE_TARGET))));

    private static final Map<Character, String> LETTERS = letters();
    private static final Map<String, String> OTHER_NAMES =
            Map.of("nucleus", "top_p", "typical_p", "typ_p", "typical", "typ_p", "typ", "typ_p", "temp", "temperature");

    private ChainOrder() {}

    private static Map<Character, String> letters() {
        Map<Character, String> letters = new LinkedHashMap<>();
        letters.put('e', "penalties");
        letters.put('d', "dry");
        letters.put('s', "top_n_sigma");
        letters.put('k', "top_k");
        letters.put('y', "typ_p");
        letters.put('p', "top_p");
        letters.put('m', "min_p");
        letters.put('x', "xtc");
        letters.put('t', "temperature");
        letters.put('i', "infill");
        letters.put('a', "adaptive_p");
        return letters;
    }

    /**
     * Names in llama.cpp's main spelling.
     *
     * @param value a list of names, names joined by ";", or a string of letters such as {@code edskypmxt}
     * @throws InvalidParametersException with what is no name and no letter
     */
    static List<String> names(String parameter, Object value) {
        if (value instanceof String text && !text.contains(";") && canonical(text) == null) {
            return ofLetters(parameter, text);
        }
        List<String> names = new ArrayList<>();
        for (Object element : value instanceof String text ? List.of(text.split(";")) : (List<?>) value) {
            String name = canonical(String.valueOf(element));
            if (name == null) {
                throw new InvalidParametersException(parameter + " must hold names out of "
                        + String.join(", ", LETTERS.values()) + ", got " + Names.shown(element));
            }
            names.add(name);
        }
        return List.copyOf(names);
    }

    private static List<String> ofLetters(String parameter, String text) {
        List<String> names = new ArrayList<>();
        for (char letter : text.toCharArray()) {
            String name = LETTERS.get(letter);
            if (name == null) {
                throw new InvalidParametersException(
                        parameter + " must be names, or letters out of " + letterList() + ", got \"" + text + "\"");
            }
            names.add(name);
        }
        return List.copyOf(names);
    }

    private static String letterList() {
        List<String> pairs = new ArrayList<>();
        LETTERS.forEach((letter, name) -> pairs.add(letter + " (" + name + ")"));
        return String.join(", ", pairs);
    }

    private static @Nullable String canonical(String typed) {
        String name = typed.strip().replace('-', '_');
        return LETTERS.containsValue(name) ? name : OTHER_NAMES.get(name);
    }
}
