package dev.tempera;

/** Prompt and generated token ids of one sequence, oldest first. Read-only for processors; not thread-safe. */
public interface TokenHistory {
    /** Every token so far, prompt included. */
    int size();

    /** Tokens that were given, not generated. */
    int promptSize();

    /** The token id at a position, {@code 0 <= position < size()}. */
    int get(int position);

    /** Tokens generated so far. */
    default int generatedSize() {
        return size() - promptSize();
    }

    /** Tokens of a scope so far. */
    default int size(TokenScope scope) {
        return scope == TokenScope.GENERATED ? generatedSize() : size();
    }

    /**
     * How often each distinct token occurs among the last {@code window} tokens of the scope. The view is kept up to
     * date as tokens come and go: asking again costs O(1).
     * Chat markup is left out if the pipeline says so.
     *
     * @param window how many tokens to look back, at least 1; {@link Integer#MAX_VALUE} means all
     */
    TokenCounts counts(TokenScope scope, int window);
}
