package dev.tempera.vllm;

import dev.tempera.Vocabulary;
import java.nio.charset.StandardCharsets;

/** A vocabulary of the first letters of the alphabet. */
final class Letters {
    private Letters() {}

    static Vocabulary of(int size) {
        return new Vocabulary() {
            @Override
            public int rows() {
                return size;
            }

            @Override
            public boolean isToken(int tokenId) {
                return tokenId >= 0 && tokenId < size;
            }

            @Override
            public int[] encode(String text) {
                return text.chars().map(c -> c - 'a').toArray();
            }

            @Override
            public String decode(int... tokenIds) {
                StringBuilder text = new StringBuilder();
                for (int id : tokenIds) {
                    text.append((char) ('a' + id));
                }
                return text.toString();
            }

            @Override
            public byte[] bytes(int tokenId) {
                return decode(tokenId).getBytes(StandardCharsets.US_ASCII);
            }
        };
    }
}
