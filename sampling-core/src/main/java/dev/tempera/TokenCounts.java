package dev.tempera;

import java.util.Arrays;

/**
 * The distinct tokens of some part of a history with how often each occurs. A live view: it changes with the history.
 * Entries whose count is 0 are tokens that have left the window. Not thread-safe. Lookups O(1), no allocation.
 */
public final class TokenCounts {
    private int[] tokenIds = new int[64];
    private int[] counts = new int[64];
    private int[] slots = new int[128]; // open addressing; entry index + 1, 0 is empty
    private int size;

    TokenCounts() {}

    /** Number of entries; {@code count(i)} may be 0. */
    public int size() {
        return size;
    }

    public int tokenId(int i) {
        return tokenIds[i];
    }

    public int count(int i) {
        return counts[i];
    }

    /** How often a token occurs, 0 if it does not. */
    public int countOf(int tokenId) {
        int entry = slots[slotOf(tokenId)];
        return entry == 0 ? 0 : counts[entry - 1];
    }

    void add(int tokenId) {
        int slot = slotOf(tokenId);
        if (slots[slot] == 0) {
            if (size == tokenIds.length) {
                dropUnused();
                if (2 * size > tokenIds.length) {
                    grow();
                }
                slot = slotOf(tokenId);
            }
            tokenIds[size] = tokenId;
            counts[size] = 0;
            slots[slot] = ++size;
        }
        counts[slots[slot] - 1]++;
    }

    void remove(int tokenId) {
        counts[slots[slotOf(tokenId)] - 1]--;
    }

    void clear() {
        Arrays.fill(slots, 0);
        size = 0;
    }

    private int slotOf(int tokenId) {
        int mask = slots.length - 1;
        int slot = (tokenId * 0x9E3779B9 >>> 7) & mask;
        while (slots[slot] != 0 && tokenIds[slots[slot] - 1] != tokenId) {
            slot = (slot + 1) & mask;
        }
        return slot;
    }

    /** Forgets tokens that have left the window, so that a long text costs no more than its window. */
    private void dropUnused() {
        int n = 0;
        for (int i = 0; i < size; i++) {
            if (counts[i] > 0) {
                tokenIds[n] = tokenIds[i];
                counts[n++] = counts[i];
            }
        }
        size = n;
        Arrays.fill(slots, 0);
        fillSlots();
    }

    private void grow() {
        tokenIds = Arrays.copyOf(tokenIds, 2 * tokenIds.length);
        counts = Arrays.copyOf(counts, tokenIds.length);
        slots = new int[2 * tokenIds.length];
        fillSlots();
    }

    private void fillSlots() {
        for (int i = 0; i < size; i++) {
            slots[slotOf(tokenIds[i])] = i + 1;
        }
    }
}
