package dev.tempera.engine;

import java.util.List;

/**
 * A piece of a generation. Text and token ids need not match within a chunk: half a character gives an id and no text,
 * held-back text comes later. Over a whole stream they do. Immutable and thread-safe.
 */
public final class GenerationChunk {
    private final String text;
    private final List<Integer> tokenIds;

    private GenerationChunk(String text, List<Integer> tokenIds) {
        this.text = text;
        this.tokenIds = List.copyOf(tokenIds);
    }

    public static GenerationChunk of(String text, List<Integer> tokenIds) {
        return new GenerationChunk(text, tokenIds);
    }

    public String text() {
        return text;
    }

    /** Empty when a remote engine hides them. */
    public List<Integer> tokenIds() {
        return tokenIds;
    }

    @Override
    public String toString() {
        return "GenerationChunk[" + text + "]";
    }
}
