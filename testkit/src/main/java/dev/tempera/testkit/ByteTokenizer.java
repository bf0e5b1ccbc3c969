package dev.tempera.testkit;

import dev.tempera.engine.TokenDecoder;
import dev.tempera.engine.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * One token per UTF-8 byte, and two that open and close a turn. Needs no file, writes every text, and splits every
 * character beyond ASCII over several tokens. Immutable and thread-safe.
 */
public final class ByteTokenizer implements Tokenizer {
    public static final int START_OF_TURN = 256;
    public static final int END_OF_TURN = 257;

    private static final int SIZE = 258;
    private static final String START = "<|im_start|>";
    private static final String END = "<|im_end|>";

    public ByteTokenizer() {}

    @Override
    public int[] encode(String text) {
        ByteArrayOutputStream plain = new ByteArrayOutputStream();
        int[] ids = new int[text.getBytes(StandardCharsets.UTF_8).length];
        int n = 0;
        int i = 0;
        while (i < text.length()) {
            if (text.startsWith(START, i)) {
                ids[n++] = START_OF_TURN;
                i += START.length();
            } else if (text.startsWith(END, i)) {
                ids[n++] = END_OF_TURN;
                i += END.length();
            } else {
                int codePoint = text.codePointAt(i);
                plain.reset();
                plain.writeBytes(Character.toString(codePoint).getBytes(StandardCharsets.UTF_8));
                for (byte b : plain.toByteArray()) {
                    ids[n++] = b & 0xff;
                }
                i += Character.charCount(codePoint);
            }
        }
        return java.util.Arrays.copyOf(ids, n);
    }

    @Override
    public String decode(int[] tokenIds) {
        StringBuilder text = new StringBuilder();
        TokenDecoder decoder = decoder();
        for (int tokenId : tokenIds) {
            text.append(decoder.append(tokenId));
        }
        return text.append(decoder.flush()).toString();
    }

    @Override
    public byte[] bytes(int tokenId) {
        return tokenId >= START_OF_TURN ? new byte[0] : new byte[] {(byte) tokenId};
    }

    @Override
    public TokenDecoder decoder() {
        return new Utf8Decoder();
    }

    @Override
    public int size() {
        return SIZE;
    }

    @Override
    public boolean isToken(int tokenId) {
        return tokenId >= 0 && tokenId < SIZE;
    }

    @Override
    public boolean isSpecial(int tokenId) {
        return tokenId == START_OF_TURN || tokenId == END_OF_TURN;
    }

    @Override
    public String token(int tokenId) {
        return switch (tokenId) {
            case START_OF_TURN -> START;
            case END_OF_TURN -> END;
            default -> String.format("<0x%02X>", tokenId);
        };
    }

    private static final class Utf8Decoder implements TokenDecoder {
        private final CharsetDecoder decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPLACE)
                .onUnmappableCharacter(CodingErrorAction.REPLACE);
        private final ByteBuffer bytes = ByteBuffer.allocate(8);
        private final CharBuffer chars = CharBuffer.allocate(16);

        @Override
        public String append(int tokenId) {
            if (tokenId >= START_OF_TURN) {
                return "";
            }
            bytes.put((byte) tokenId);
            return decode(false);
        }

        @Override
        public String flush() {
            return decode(true);
        }

        private String decode(boolean end) {
            bytes.flip();
            decoder.decode(bytes, chars, end);
            if (end) {
                decoder.flush(chars);
                decoder.reset();
            }
            bytes.compact();
            String text = chars.flip().toString();
            chars.clear();
            return text;
        }
    }
}
