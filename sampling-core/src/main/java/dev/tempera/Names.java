package dev.tempera;

import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Sentences about names that a user typed. */
final class Names {
    private Names() {}

    static String quoted(Collection<String> names) {
        return names.isEmpty() ? "none" : "\"" + String.join("\", \"", names) + "\"";
    }

    /** A value as it was typed: text in quotes, so that "0.7" and 0.7 look different. */
    static String shown(@Nullable Object value) {
        if (value instanceof List<?> list) {
            return list.stream().map(Names::shown).collect(Collectors.joining(", ", "[", "]"));
        }
        return value instanceof String text ? "\"" + text.replace("\n", "\\n") + "\"" : String.valueOf(value);
    }

    /** {@code " (did you mean "min_p"?)"} when a known name is close, else nothing. */
    static String suggestion(String typed, Collection<String> known) {
        String best = null;
        int bestDistance = 3;
        for (String name : known) {
            int distance = distance(plain(typed), plain(name));
            if (distance < bestDistance) {
                bestDistance = distance;
                best = name;
            }
        }
        return best == null ? "" : " (did you mean \"" + best + "\"?)";
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replaceAll("[-_ ]", "");
    }

    /** Levenshtein. */
    private static int distance(String a, String b) {
        int[] previous = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            previous[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int[] current = new int[b.length() + 1];
            current[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int substitution = previous[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                current[j] = Math.min(substitution, 1 + Math.min(previous[j], current[j - 1]));
            }
            previous = current;
        }
        return previous[b.length()];
    }
}
