package dev.tempera.engine;

import dev.tempera.Vocabulary;

/** Text to token ids and back. Thread-safe. */
public interface Tokenizer {
    /** The ids of a text. Special tokens that are written in it are recognised; none is added. */
    int[] encode(String text);

    /** The text of ids, special tokens left out. Bytes that are no UTF-8 become U+FFFD. */
    String decode(int[] tokenIds);

    /** The bytes that a token adds to the text, maybe part of a character; none for a special token. A new array. */
    byte[] bytes(int tokenId);

    /** Decodes a stream of ids. */
    TokenDecoder decoder();

    /** One more than the largest id. */
    int size();

    /** Whether an id stands for a token; there may be gaps below {@link #size}. */
    boolean isToken(int tokenId);

    /** Whether the token is control markup ({@code <|im_end|>}) and never part of the text. */
    boolean isSpecial(int tokenId);

    /** The token as it is written in the vocabulary: for people and for logs. */
    String token(int tokenId);

    /** What sampling must know of this tokenizer before a head with the given number of rows. */
    default Vocabulary vocabulary(int rows) {
        return new Vocabulary() {
            @Override
            public int rows() {
                return rows;
            }

            @Override
            public boolean isToken(int tokenId) {
                return tokenId < rows && Tokenizer.this.isToken(tokenId);
            }

            @Override
            public boolean isMarkup(int tokenId) {
                return Tokenizer.this.isSpecial(tokenId);
            }

            @Override
            public int[] encode(String text) {
                return Tokenizer.this.encode(text);
            }

            @Override
            public String decode(int... tokenIds) {
                return Tokenizer.this.decode(tokenIds);
            }

            @Override
            public byte[] bytes(int tokenId) {
                return Tokenizer.this.bytes(tokenId);
            }

            @Override
            public String tokenText(int tokenId) {
                return isMarkup(tokenId) ? Tokenizer.this.token(tokenId) : Tokenizer.this.decode(new int[] {tokenId});
            }
        };
    }
}
