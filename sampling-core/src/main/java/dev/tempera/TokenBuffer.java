package dev.tempera;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;

/** The history that a {@link SequenceSampler} owns: a growable array, and the counts that processors asked for. */
final class TokenBuffer implements TokenHistory {
    private static final long MULTIPLIER = 0x9E3779B97F4A7C15L; // odd, so that a token can be taken out again
    private static final long INVERSE = 0xF1DE83E19937733DL; // MULTIPLIER * INVERSE = 1 modulo 2^64

    private final int promptSize;
    private final IntPredicate counted;
    private final List<Window> windows = new ArrayList<>(2);
    private int[] tokenIds;
    private int size;
    private long fingerprint;

    /** @param counted which tokens the counts know of */
    TokenBuffer(int[] prompt, IntPredicate counted) {
        this.counted = counted;
        promptSize = prompt.length;
        size = prompt.length;
        for (int tokenId : prompt) {
            fingerprint = (fingerprint + tokenId) * MULTIPLIER;
        }
        tokenIds = Arrays.copyOf(prompt, Math.max(64, prompt.length + prompt.length / 2));
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public int promptSize() {
        return promptSize;
    }

    @Override
    public int get(int position) {
        if (position < 0 || position >= size) {
            throw new IndexOutOfBoundsException("position " + position + " of a history of " + size + " tokens");
        }
        return tokenIds[position];
    }

    @Override
    public TokenCounts counts(TokenScope scope, int window) {
        for (int i = 0; i < windows.size(); i++) {
            Window known = windows.get(i);
            if (known.scope == scope && known.length == window) {
                return known.counts;
            }
        }
        Window added = new Window(scope, window);
        windows.add(added);
        added.recount();
        return added.counts;
    }

    void append(int tokenId) {
        if (size == tokenIds.length) {
            tokenIds = Arrays.copyOf(tokenIds, 2 * size);
        }
        tokenIds[size++] = tokenId;
        fingerprint = (fingerprint + tokenId) * MULTIPLIER;
        for (int i = 0; i < windows.size(); i++) {
            windows.get(i).appended(tokenId);
        }
    }

    /** Forgets the newest tokens, never the prompt's. */
    void truncate(int newSize) {
        if (newSize < promptSize || newSize > size) {
            throw new IllegalArgumentException(
                    "cannot cut a history of " + size + " tokens (" + promptSize + " of the prompt) to " + newSize);
        }
        fingerprint = fingerprint(newSize);
        size = newSize;
        windows.forEach(Window::recount);
    }

    /** Of the first tokens, prompt included: differs where they do, but for chance. */
    long fingerprint(int count) {
        long result = fingerprint;
        for (int i = size - 1; i >= count; i--) {
            result = result * INVERSE - tokenIds[i];
        }
        return result;
    }

    private final class Window {
        private final TokenScope scope;
        private final int length;
        private final TokenCounts counts = new TokenCounts();

        Window(TokenScope scope, int length) {
            this.scope = scope;
            this.length = length;
        }

        void appended(int tokenId) {
            if (counted.test(tokenId)) {
                counts.add(tokenId);
            }
            int left = size - 1 - length;
            if (left >= scopeStart() && counted.test(tokenIds[left])) {
                counts.remove(tokenIds[left]);
            }
        }

        void recount() {
            counts.clear();
            for (int i = Math.max(scopeStart(), length >= size ? 0 : size - length); i < size; i++) {
                if (counted.test(tokenIds[i])) {
                    counts.add(tokenIds[i]);
                }
            }
        }

        private int scopeStart() {
            return scope == TokenScope.GENERATED ? promptSize : 0;
        }
    }
}
