package dev.tempera.engine;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Looks for stop strings in text that arrives in pieces. Keeps back the end of the text while it may be the beginning of
 * a stop string, so that nothing is shown that would have to be taken back. Of several matches the one that ends first
 * counts, of those the longest. Not thread-safe. O(total length of the strings) per character at worst.
 */
final class StopStrings {
    private final List<String> strings;
    private final boolean include;
    private final StringBuilder pending = new StringBuilder();
    private @Nullable String matched;

    /** @param include whether the stop string itself belongs to the text */
    StopStrings(List<String> strings, boolean include) {
        this.strings = List.copyOf(strings);
        this.include = include;
    }

    /** The text that may be shown now. After a match: what stands before it, and from then on nothing. */
    String append(String piece) {
        if (matched != null) {
            return "";
        }
        if (strings.isEmpty()) {
            return piece;
        }
        int searched = pending.length();
        pending.append(piece);
        for (int end = searched + 1; end <= pending.length(); end++) {
            String found = endingAt(end);
            if (found != null) {
                matched = found;
                return pending.substring(0, include ? end : end - found.length());
            }
        }
        return take(pending.length() - possibleStart());
    }

    /** The text that was kept back, once no more will come. */
    String flush() {
        return matched != null ? "" : take(pending.length());
    }

    /** The stop string that was found; null as long as none was. */
    @Nullable
    String matched() {
        return matched;
    }

    private @Nullable String endingAt(int end) {
        String longest = null;
        for (String string : strings) {
            int start = end - string.length();
            if (start >= 0
                    && pending.indexOf(string, start) == start
                    && (longest == null || string.length() > longest.length())) {
                longest = string;
            }
        }
        return longest;
    }

    /** Length of the longest end of the pending text that begins some stop string. */
    private int possibleStart() {
        int longest = 0;
        for (String string : strings) {
            for (int length = Math.min(string.length() - 1, pending.length()); length > longest; length--) {
                if (pending.indexOf(string.substring(0, length), pending.length() - length) >= 0) {
                    longest = length;
                }
            }
        }
        return longest;
    }

    private String take(int length) {
        String text = pending.substring(0, length);
        pending.delete(0, length);
        return text;
    }
}
