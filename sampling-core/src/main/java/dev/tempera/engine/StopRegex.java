package dev.tempera.engine;

import dev.tempera.InvalidParametersException;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One pattern of {@code stop_regex}, as {@link Pattern} reads it, looked for in text that grows. Immutable and
 * thread-safe.
 *
 * <p>A match counts as soon as no further text can undo it: {@code \d+} matches at the first digit, {@code end$} at the
 * end of the text alone. It may have at most {@link #LONGEST} characters: text that is longer than that and could still
 * become a match is no longer kept back, and a match that begins there is not found.
 */
final class StopRegex {
    /** Characters that are kept back at most. */
    static final int LONGEST = 1024;

    /** Characters that a search may look at, again and again: more than it takes to try every pair of positions. */
    private static final int MOST_STEPS = 8 * LONGEST * LONGEST;

    private final Pattern pattern;
    private final boolean looksForAbsence;

    private StopRegex(Pattern pattern) {
        this.pattern = pattern;
        this.looksForAbsence = pattern.pattern().contains("(?!");
    }

    /**
     * @param regex a pattern, as {@link dev.tempera.SamplingParameters} checks
     * @throws InvalidParametersException if the empty text matches
     */
    static StopRegex compile(String regex) {
        Pattern pattern = Pattern.compile(regex);
        if (pattern.matcher("").find()) {
            throw new InvalidParametersException("stop_regex must not match the empty text, which would end every"
                    + " generation at once, got \"" + regex + "\"");
        }
        return new StopRegex(pattern);
    }

    /**
     * The match in the shortest beginning of the text that has one, so that it does not matter in which pieces the text
     * came; the leftmost in it.
     *
     * @param from where a match may begin
     * @param passed where a match must not end yet, nor before
     * @param searched how much of the text has no match
     */
    StopText.@Nullable Match firstMatch(CharSequence text, int from, int passed, int searched) {
        StopText.Match match = match(text, from, passed, text.length(), false);
        for (int end = searched + 1; match != null && end < text.length(); end++) {
            StopText.Match earlier = match(text, from, passed, end, false);
            if (earlier != null) {
                return earlier;
            }
        }
        return match;
    }

    /** A match that was open as long as more text could come. */
    StopText.@Nullable Match lastMatch(CharSequence text, int from, int passed) {
        return match(text, from, passed, text.length(), true);
    }

    private StopText.@Nullable Match match(CharSequence text, int from, int passed, int end, boolean textIsWhole) {
        Matcher matcher = matcher(text, end).region(from, end);
        while (search(matcher::find)) {
            if (matcher.end() > passed && (textIsWhole || !isOpen(matcher))) {
                return new StopText.Match(pattern.pattern(), matcher.start(), matcher.end());
            }
        }
        return null;
    }

    /** requireEnd knows nothing of a text that begins with what (?!...) forbids and ends within it. */
    private boolean isOpen(Matcher matcher) {
        return matcher.requireEnd() || looksForAbsence && matcher.hitEnd();
    }

    /** The first position from where more text could make a match; the length of the text if there is none. */
    int possibleStart(CharSequence text, int from) {
        int length = text.length();
        Matcher matcher = matcher(text, length);
        int start = Math.max(from, length - LONGEST);
        if (start > from && Character.isLowSurrogate(text.charAt(start))) {
            start--; // half a character must not be shown
        }
        for (; start < length; start++) {
            matcher.region(start, length);
            search(matcher::lookingAt);
            if (matcher.hitEnd()) {
                return start;
            }
        }
        return length;
    }

    /** Anchors and lookbehind see the text before a region, too. */
    private Matcher matcher(CharSequence text, int length) {
        return pattern.matcher(new CountedText(text, length))
                .useTransparentBounds(true)
                .useAnchoringBounds(false);
    }

    private boolean search(BooleanSupplier search) {
        try {
            return search.getAsBoolean();
        } catch (StackOverflowError e) {
            throw tooMuch("nests too deeply on the text that was generated");
        }
    }

    private IllegalStateException tooMuch(String what) {
        return new IllegalStateException("stop_regex \"" + pattern + "\" " + what
                + "; write it without a repetition inside a repetition, or with a possessive one such as a*+");
    }

    /** The beginning of a text. Gives up a search that would go on for ever, after the same number of steps anywhere. */
    private final class CountedText implements CharSequence {
        private final CharSequence text;
        private final int length;
        private int steps;

        CountedText(CharSequence text, int length) {
            this.text = text;
            this.length = length;
        }

        @Override
        public char charAt(int index) {
            if (++steps > MOST_STEPS) {
                throw tooMuch("took more than " + MOST_STEPS + " steps on the text that was generated");
            }
            return text.charAt(index);
        }

        @Override
        public int length() {
            return length;
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return text.subSequence(start, end);
        }
    }
}
