package dev.tempera.engine;

/** Turns ids into text as they come; a character is given once all its bytes are there. Not thread-safe. */
public interface TokenDecoder {
    /** The text that this id completes; empty while a character is unfinished or for a special token. */
    String append(int tokenId);

    /** The text that was waiting for bytes that did not come, with U+FFFD in their place. */
    String flush();
}
