package dev.tempera;

/**
 * What sampling must know of a tokenizer and of the LM head. Immutable and thread-safe.
 *
 * <p>A head may have more rows than the tokenizer has ids (Qwen2.5-7B: 152,064 rows, 151,665 ids). Rows that are no
 * token never take part: {@link SequenceSampler} masks them before the first processor.
 */
public interface Vocabulary {
    /** Rows of the LM head, the length of a logits array. */
    int rows();

    /** Whether a row stands for a token. */
    boolean isToken(int tokenId);

    /** Whether a token is control markup of the chat format, such as {@code <|im_end|>}. */
    default boolean isMarkup(int tokenId) {
        return false;
    }

    /** The token ids of a text, without added special tokens. */
    int[] encode(String text);

    /**
     * The text of ids, markup left out. Bytes that are no UTF-8 become U+FFFD.
     *
     * @throws InvalidParametersException if there is no tokenizer, or an id is no token
     */
    default String decode(int... tokenIds) {
        throw noTokenizer();
    }

    /**
     * The bytes that a token adds to the UTF-8 text, maybe part of a character; none for markup. A new array.
     *
     * @throws InvalidParametersException if there is no tokenizer, or the id is no token
     */
    default byte[] bytes(int tokenId) {
        throw noTokenizer();
    }

    /** A token as people read it: its text; of markup, its name. Empty if there is no tokenizer. */
    default String tokenText(int tokenId) {
        return "";
    }

    private static InvalidParametersException noTokenizer() {
        return new InvalidParametersException(
                "this vocabulary has no tokenizer, so tokens have no text: use an engine that has one");
    }

    /** A vocabulary in which every row is a token and no text can be encoded: tests, pure arrays. */
    static Vocabulary ofRows(int rows) {
        return new Vocabulary() {
            @Override
            public int rows() {
                return rows;
            }

            @Override
            public boolean isToken(int tokenId) {
                return tokenId >= 0 && tokenId < rows;
            }

            @Override
            public int[] encode(String text) {
                throw new InvalidParametersException("this vocabulary has no tokenizer: give token ids instead of \""
                        + text + "\", or use an engine that has one");
            }
        };
    }
}
