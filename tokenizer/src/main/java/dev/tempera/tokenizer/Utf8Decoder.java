package dev.tempera.tokenizer;

/**
 * Decodes UTF-8 byte by byte. What is no UTF-8 becomes U+FFFD, one for every maximal part of a character that is cut
 * short (Unicode 3.9, "substitution of maximal subparts"), as Rust and Python do it. The JDK's decoder differs (one
 * U+FFFD for the three bytes of a surrogate) and would give other texts than Hugging Face's tokenizers.
 */
final class Utf8Decoder {
    private static final char REPLACEMENT = '\uFFFD';

    private int codePoint;
    /** Continuation bytes that have yet to come. */
    private int missing;
    /** The range of the next continuation byte: it excludes overlong forms, surrogates and what is past U+10FFFF. */
    private int least = 0x80;

    private int most = 0xBF;

    void append(int unsignedByte, StringBuilder out) {
        if (missing == 0) {
            start(unsignedByte, out);
        } else if (unsignedByte < least || unsignedByte > most) {
            flush(out);
            start(unsignedByte, out);
        } else {
            codePoint = codePoint << 6 | unsignedByte & 0x3F;
            least = 0x80;
            most = 0xBF;
            if (--missing == 0) {
                out.appendCodePoint(codePoint);
            }
        }
    }

    /** Gives U+FFFD for a character that was begun. */
    void flush(StringBuilder out) {
        if (missing > 0) {
            out.append(REPLACEMENT);
        }
        missing = 0;
        least = 0x80;
        most = 0xBF;
    }

    private void start(int first, StringBuilder out) {
        if (first < 0x80) {
            out.append((char) first);
        } else if (first >= 0xC2 && first <= 0xDF) {
            missing = 1;
            codePoint = first & 0x1F;
        } else if (first >= 0xE0 && first <= 0xEF) {
            missing = 2;
            codePoint = first & 0x0F;
            least = first == 0xE0 ? 0xA0 : 0x80;
            most = first == 0xED ? 0x9F : 0xBF;
        } else if (first >= 0xF0 && first <= 0xF4) {
            missing = 3;
            codePoint = first & 0x07;
            least = first == 0xF0 ? 0x90 : 0x80;
            most = first == 0xF4 ? 0x8F : 0xBF;
        } else {
            out.append(REPLACEMENT);
        }
    }
}
