package dev.tempera.evaluation;

import java.text.Normalizer;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * Cuts a text into the units that diversity is counted in, the same for every model and tokenizer:
 *
 * <ul>
 *   <li>a Chinese character or Japanese kana: each one a word, since no blanks stand between them;
 *   <li>other letters in a row, with their accents and with apostrophes between letters: {@code don't};
 *   <li>digits in a row;
 *   <li>any other character that is no blank, such as a punctuation mark: each one a word.
 * </ul>
 *
 * <p>Case counts. The text is brought to Unicode's NFC first, so that two spellings of é are one. Thai and other scripts
 * without blanks are not cut within a row of letters.
 */
public final class Words {
    private static final String SINGLE = "\\p{IsHan}\\p{IsHiragana}\\p{IsKatakana}";
    private static final String LETTERS = "[\\p{L}\\p{M}&&[^" + SINGLE + "]]+";
    private static final Pattern WORD = Pattern.compile(
            "[" + SINGLE + "]\\p{M}*|" + LETTERS + "(?:['’]" + LETTERS + ")*|\\p{Nd}+|[^\\s\\p{Z}]\\p{M}*");

    private Words() {}

    public static List<String> of(String text) {
        return WORD.matcher(Normalizer.normalize(text, Normalizer.Form.NFC))
                .results()
                .map(MatchResult::group)
                .toList();
    }
}
