package dev.tempera.processor;

import dev.tempera.TokenHistory;
import dev.tempera.Vocabulary;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The end of the generated text, and in which token each of its characters begins. Not thread-safe. */
final class GeneratedText {
    private final Vocabulary vocabulary;
    private final long bytesBefore;
    private final StringBuilder characters = new StringBuilder();
    private int[] tokenOfCharacter = new int[64];
    private byte[] bytes = new byte[64];
    private int[] tokenOfByte = new int[64];
    private int lengthBefore;
    private int unfinishedFrom;

    /** @param charactersBefore how many UTF-16 characters to read before the newest token, if there are */
    GeneratedText(Vocabulary vocabulary, int charactersBefore) {
        this.vocabulary = vocabulary;
        this.bytesBefore = 3L * charactersBefore; // the most that UTF-8 needs
    }

    void read(TokenHistory history) {
        int newest = history.size() - 1;
        List<byte[]> pieces = new ArrayList<>(); // from the newest back
        pieces.add(vocabulary.bytes(history.get(newest)));
        int first = newest;
        for (long count = 0; first > history.promptSize() && count < bytesBefore; first--) {
            byte[] piece = vocabulary.bytes(history.get(first - 1));
            pieces.add(piece);
            count += piece.length;
        }
        int count = 0;
        for (int position = first; position < newest; position++) {
            count = append(pieces.get(newest - position), position, count);
        }
        decode(count, append(pieces.get(0), newest, count), history.size());
    }

    private int append(byte[] piece, int position, int count) {
        int newCount = count + piece.length;
        if (newCount > bytes.length) {
            bytes = Arrays.copyOf(bytes, 2 * newCount);
            tokenOfByte = Arrays.copyOf(tokenOfByte, 2 * newCount);
        }
        System.arraycopy(piece, 0, bytes, count, piece.length);
        Arrays.fill(tokenOfByte, count, newCount, position);
        return newCount;
    }

    private void decode(int countBefore, int count, int nextPosition) {
        characters.setLength(0);
        lengthBefore = -1;
        unfinishedFrom = nextPosition;
        int next = 0;
        while (next < count && unfinishedFrom == nextPosition) {
            int length = lengthOfCharacter(bytes[next]);
            if (lengthBefore < 0 && next + length > countBefore) {
                lengthBefore = characters.length();
            }
            if (next + length > count) {
                unfinishedFrom = tokenOfByte[next];
            } else {
                String character = new String(bytes, next, length, StandardCharsets.UTF_8);
                if (character.codePointCount(0, character.length()) > 1) { // the lead byte of a broken character
                    character = "\uFFFD";
                    length = 1;
                }
                append(character, tokenOfByte[next]);
                next += length;
            }
        }
        if (lengthBefore < 0) {
            lengthBefore = characters.length();
        }
    }

    private void append(String character, int position) {
        int from = characters.length();
        characters.append(character);
        if (characters.length() > tokenOfCharacter.length) {
            tokenOfCharacter = Arrays.copyOf(tokenOfCharacter, 2 * characters.length());
        }
        Arrays.fill(tokenOfCharacter, from, characters.length(), position);
    }

    private static int lengthOfCharacter(byte lead) {
        int b = lead & 0xFF;
        return b < 0xC2 || b > 0xF4 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
    }

    /** All characters that are whole. */
    CharSequence characters() {
        return characters;
    }

    int length() {
        return characters.length();
    }

    /** How many characters were whole before the newest token. */
    int lengthBefore() {
        return lengthBefore;
    }

    /** The position of the token in which a character begins. */
    int tokenAt(int character) {
        return tokenOfCharacter[character];
    }

    /** The position of the token in which a character begins that is not whole; that of the next token if none does. */
    int unfinishedFrom() {
        return unfinishedFrom;
    }
}
