package dev.tempera.processor;

import dev.tempera.Acceptance;
import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;

/**
 * Phrases that never appear in the text, however they are split into tokens. As koboldcpp's banned phrases ("antislop")
 * and exllamav2's {@code banned_strings}.
 *
 * <p>Text that may become a phrase is held back. Once the phrase is complete, the sequence goes back to the token in
 * which it begins, that token is forbidden at that position, and the text goes on another way. (If the beginning is
 * shown already, because the text first went on otherwise and that was taken back, then as far as it is not.) What is
 * forbidden is forgotten when the sequence goes back further.
 *
 * <p>A phrase must lie in the generated text: the prompt is not looked at, also not for a phrase that begins there.
 * Chat markup is no text: a phrase may go on after it. Bytes that are no UTF-8 are U+FFFD. If every candidate of a
 * position is forbidden in this way, none is, and the phrase passes: rather that than no text. So put this processor
 * before those that cut candidates off.
 *
 * <p>Patterns are those of {@link Pattern}; a pattern that matches is complete as soon as nothing that may follow could
 * undo the match, so {@code cat\b} waits for the next character. {@code ^} is where the generated text begins.
 * Lookbehind sees at least {@value #CONTEXT} characters.
 *
 * <p>Immutable and thread-safe. Per token O(longest phrase × phrases), small objects; each rejected token costs the
 * model one forward pass, so forbid single characters with {@link SuppressTokens}. A sequence ends with an exception
 * after 10,000 rejections without getting on.
 *
 * @param strings phrases as they are
 * @param patterns regular expressions
 * @param maxLength how many UTF-16 characters of a match are looked at; longer ones are found if a shorter one is there
 * @param caseSensitive whether case counts; if not, by Unicode's simple case folding
 */
public record BannedStrings(List<String> strings, List<String> patterns, int maxLength, boolean caseSensitive)
        implements LogitsProcessor {
    /** A pattern's match is looked at this far unless it is said otherwise. */
    public static final int DEFAULT_MAX_LENGTH = 100;

    static final int CONTEXT = 32;

    /** @throws InvalidParametersException if there is no phrase, one is empty or matches nothing, or is no pattern */
    public BannedStrings {
        strings = List.copyOf(strings);
        patterns = List.copyOf(patterns);
        Require.that(!strings.isEmpty() || !patterns.isEmpty(), "banned_strings", "name at least one string", "none");
        Require.that(!strings.contains(""), "banned_strings", "hold no empty string", strings);
        Require.that(maxLength >= 1, "max_length", "be at least 1", maxLength);
        for (String pattern : patterns) {
            boolean matchesNothing = compile(pattern, 0).matcher("").matches();
            Require.that(!matchesNothing, "banned_strings patterns", "match no empty text", "\"" + pattern + "\"");
        }
    }

    /** Phrases whose case does not count. */
    public static BannedStrings of(String... strings) {
        return new BannedStrings(List.of(strings), List.of(), DEFAULT_MAX_LENGTH, false);
    }

    /** @throws InvalidParametersException if the vocabulary cannot tell the text of tokens */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        context.vocabulary().decode(); // says so if it cannot
        int flags = caseSensitive ? 0 : Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE;
        List<BannedStringsWatch.Phrase> phrases = new ArrayList<>();
        if (!strings.isEmpty()) {
            String anyOfThem = strings.stream().map(Pattern::quote).collect(Collectors.joining("|"));
            int longest = strings.stream().mapToInt(String::length).max().orElseThrow();
            phrases.add(new BannedStringsWatch.Phrase(compile(anyOfThem, flags), longest));
        }
        for (String pattern : patterns) {
            phrases.add(new BannedStringsWatch.Phrase(compile(pattern, flags), maxLength));
        }
        return new BannedStringsWatch(phrases, context);
    }

    /** Without the state of a sequence nothing is known to be forbidden. */
    @Override
    public void process(Logits logits, SamplingContext context) {}

    /** Without the state of a sequence nothing can be taken back. */
    @Override
    public Acceptance accept(int tokenId, SamplingContext context) {
        return Acceptance.EMIT;
    }

    private static Pattern compile(String pattern, int flags) {
        try {
            return Pattern.compile(pattern, flags);
        } catch (PatternSyntaxException e) {
            throw new InvalidParametersException("banned_strings patterns must be regular expressions, got \"" + pattern
                    + "\": " + e.getDescription());
        }
    }
}
