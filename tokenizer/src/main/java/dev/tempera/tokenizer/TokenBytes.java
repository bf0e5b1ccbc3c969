package dev.tempera.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tempera.TemperaException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The bytes that a token stands for, by the {@code decoder} of {@code tokenizer.json}. Every decoder that is read here
 * works on each token alone, so that a text can be decoded as it comes: the whole is the join of the parts.
 *
 * <p>ByteLevel (GPT-2, Qwen, Llama 3): a letter stands for a byte, by the table that GPT-2 made. ByteFallback:
 * {@code <0xE4>} stands for the byte E4, any other token for itself. Replace: for instance ▁ by a space. Fuse joins, as
 * is done here anyway.
 */
final class TokenBytes {
    private static final String SUPPORTED =
            "ByteLevel, ByteFallback, Replace with a string, Fuse, and Sequence of these";

    /** By character, the byte it stands for; -1 for none. GPT-2: printable Latin-1 stays, the rest follows at U+0100. */
    private static final short[] BYTE_LEVEL = byteLevel();

    private record Replacement(String from, String to) {}

    private final Path file;
    private final List<Replacement> replacements = new ArrayList<>();
    private boolean byteLevel;
    private boolean byteFallback;

    TokenBytes(@Nullable JsonNode decoder, Path file) {
        this.file = file;
        if (decoder == null || decoder.isNull()) {
            throw new TemperaException(
                    file + " has no decoder, so its tokens cannot be turned into text. Supported: " + SUPPORTED + ".");
        }
        add(decoder);
    }

    private void add(JsonNode decoder) {
        switch (decoder.path("type").asText()) {
            case "Sequence" -> decoder.path("decoders").forEach(this::add);
            case "ByteLevel" -> byteLevel = true;
            case "ByteFallback" -> byteFallback = true;
            case "Fuse" -> {}
            case "Replace" -> {
                String from = decoder.path("pattern").path("String").asText("");
                // After the bytes are known it is too late for a replacement within a token.
                if (from.isEmpty() || byteLevel || byteFallback) {
                    throw unsupported(decoder);
                }
                replacements.add(new Replacement(from, decoder.path("content").asText("")));
            }
            default -> throw unsupported(decoder);
        }
    }

    private TemperaException unsupported(JsonNode decoder) {
        return new TemperaException(
                file + " has the decoder " + decoder + ", which is not supported. Supported: " + SUPPORTED + ".");
    }

    byte[] of(String token) {
        String text = token;
        for (Replacement replacement : replacements) {
            text = text.replace(replacement.from(), replacement.to());
        }
        byte[] bytes = byteLevel ? byteLevel(text) : byteFallback ? byteFallback(text) : null;
        return bytes != null ? bytes : text.getBytes(StandardCharsets.UTF_8);
    }

    /** Null for a token with a character outside the table: an added token, which stands for itself. */
    private static byte @Nullable [] byteLevel(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = token.charAt(i);
            if (c >= BYTE_LEVEL.length || BYTE_LEVEL[c] < 0) {
                return null;
            }
            bytes[i] = (byte) BYTE_LEVEL[c];
        }
        return bytes;
    }

    private static byte @Nullable [] byteFallback(String token) {
        if (token.length() != 6 || !token.startsWith("<0x") || token.charAt(5) != '>') {
            return null;
        }
        int high = Character.digit(token.charAt(3), 16);
        int low = Character.digit(token.charAt(4), 16);
        return high < 0 || low < 0 ? null : new byte[] {(byte) (high << 4 | low)};
    }

    private static short[] byteLevel() {
        short[] table = new short[512];
        java.util.Arrays.fill(table, (short) -1);
        char next = 0x100;
        for (short b = 0; b < 256; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            table[printable ? b : next++] = b;
        }
        return table;
    }
}
