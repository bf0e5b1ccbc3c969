package dev.tempera.engine;

/** Tokens read and written. */
public record Usage(int promptTokens, int generatedTokens) {
    public int totalTokens() {
        return promptTokens + generatedTokens;
    }
}
