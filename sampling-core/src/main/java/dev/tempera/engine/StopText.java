package dev.tempera.engine;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Looks for stop strings and patterns in text that arrives in pieces. Keeps back the end of the text while it may be the
 * beginning of a match, so that nothing is shown that would have to be taken back. Of several matches the one that ends
 * first counts, of those the longest. Not thread-safe. For strings O(their total length) per character at worst.
 */
final class StopText {
    /** @param stop the string or pattern that was found */
    record Match(String stop, int start, int end) {
        boolean isBefore(@Nullable Match other) {
            return other == null || end < other.end || end == other.end && start < other.start;
        }
    }

    private final List<String> strings;
    private final List<StopRegex> patterns;
    private final boolean include;
    private final StringBuilder text = new StringBuilder();
    private int shown;
    private int passed; // in what came before this, nothing could end the text
    private int searched; // what came before this has no match
    private @Nullable String matched;

    /** @param include whether the match itself belongs to the text */
    StopText(List<String> strings, List<StopRegex> patterns, boolean include) {
        this.strings = List.copyOf(strings);
        this.patterns = List.copyOf(patterns);
        this.include = include;
    }

    /** The text that may be shown now. After a match: what stands before it, and from then on nothing. */
    String append(String piece) {
        return append(piece, true);
    }

    /** @param look false as long as nothing may end the text: a match must end in a later piece */
    String append(String piece, boolean look) {
        if (matched != null) {
            return "";
        }
        if (strings.isEmpty() && patterns.isEmpty()) {
            return piece;
        }
        text.append(piece);
        Match match = look ? firstMatch() : null;
        searched = text.length();
        if (!look) {
            passed = searched;
        }
        return match == null ? show(possibleStart()) : end(match);
    }

    /** The text that was kept back, once no more will come: it may end in a match that was open until now. */
    String flush() {
        if (matched != null) {
            return "";
        }
        Match first = null;
        for (StopRegex pattern : patterns) {
            Match match = pattern.lastMatch(text, shown, passed);
            if (match != null && match.isBefore(first)) {
                first = match;
            }
        }
        return first == null ? show(text.length()) : end(first);
    }

    /** The stop string or pattern that was found; null as long as none was. */
    @Nullable
    String matched() {
        return matched;
    }

    /** The first match that ends behind what was searched. */
    private @Nullable Match firstMatch() {
        Match first = null;
        for (int end = searched + 1; end <= text.length() && first == null; end++) {
            for (String string : strings) {
                int start = end - string.length();
                if (start >= 0 && standsAt(start, string, string.length())) {
                    Match match = new Match(string, start, end);
                    first = match.isBefore(first) ? match : first;
                }
            }
        }
        for (StopRegex pattern : patterns) {
            Match match = pattern.firstMatch(text, shown, passed, searched);
            if (match != null && match.isBefore(first)) {
                first = match;
            }
        }
        return first;
    }

    /** Where the text ends that cannot be the beginning of a match. */
    private int possibleStart() {
        int earliest = text.length();
        for (String string : strings) {
            int from = Math.max(shown, text.length() - string.length() + 1);
            for (int start = from; start < earliest; start++) {
                if (standsAt(start, string, text.length() - start)) {
                    earliest = start;
                }
            }
        }
        for (StopRegex pattern : patterns) {
            earliest = Math.min(earliest, pattern.possibleStart(text, shown));
        }
        return earliest;
    }

    private boolean standsAt(int start, String string, int length) {
        for (int i = 0; i < length; i++) {
            if (text.charAt(start + i) != string.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    private String end(Match match) {
        matched = match.stop;
        return show(Math.max(shown, include ? match.end : match.start));
    }

    private String show(int end) {
        String piece = text.substring(shown, end);
        shown = end;
        return piece;
    }
}
