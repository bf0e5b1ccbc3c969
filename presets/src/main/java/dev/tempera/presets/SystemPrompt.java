package dev.tempera.presets;

import dev.tempera.InvalidParametersException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What to tell the model before the conversation. A word in braces, as in {@code {character}}, is to be filled in.
 * Immutable and thread-safe.
 *
 * @param version counts the changes of the text, so that logged samples can be told apart
 */
public record SystemPrompt(int version, LocalizedText text) {
    private static final Pattern PLACEHOLDER = Pattern.compile("\\{([a-z_]+)}");

    /** The names to be filled in, in the order of the text. */
    public List<String> placeholders(Locale locale) {
        return PLACEHOLDER
                .matcher(text.in(locale))
                .results()
                .map(match -> match.group(1))
                .distinct()
                .toList();
    }

    /**
     * The text with every placeholder filled in.
     *
     * @throws InvalidParametersException if a value is missing or there is no placeholder for it
     */
    public String render(Locale locale, Map<String, String> values) {
        List<String> placeholders = placeholders(locale);
        List<String> problems = new ArrayList<>();
        for (String placeholder : placeholders) {
            if (!values.containsKey(placeholder)) {
                problems.add("the system prompt needs a value for {" + placeholder + "}");
            }
        }
        for (String name : new TreeSet<>(values.keySet())) {
            if (!placeholders.contains(name)) {
                problems.add("the system prompt has no {" + name + "} to fill in; it has "
                        + (placeholders.isEmpty() ? "none" : String.join(", ", placeholders)));
            }
        }
        if (!problems.isEmpty()) {
            throw new InvalidParametersException(problems);
        }
        return PLACEHOLDER.matcher(text.in(locale)).replaceAll(match -> Matcher.quoteReplacement(value(match, values)));
    }

    private static String value(MatchResult match, Map<String, String> values) {
        return String.valueOf(values.get(match.group(1)));
    }
}
