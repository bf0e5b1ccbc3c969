package dev.tempera.processor;

import java.util.Arrays;

/** A number for each token that was named since the last {@link #clear}. Lookups O(1); grows, never shrinks. */
final class TokenTable {
    private int[] tokenIds = new int[64];
    private long[] values = new long[64];
    private int[] slots = new int[128]; // open addressing; entry index + 1, 0 is empty
    private int size;

    int size() {
        return size;
    }

    int tokenId(int entry) {
        return tokenIds[entry];
    }

    long value(int entry) {
        return values[entry];
    }

    /** Adds to the token's value, which is 0 at first. Whether the token is new. */
    boolean add(int tokenId, long amount) {
        int before = size;
        int entry = entryOf(tokenId); // first: it may make the arrays anew
        values[entry] += amount;
        return size > before;
    }

    /** The token's value becomes the larger one of its own, 0 at first, and this. */
    void raise(int tokenId, long value) {
        int entry = entryOf(tokenId);
        values[entry] = Math.max(values[entry], value);
    }

    void clear() {
        Arrays.fill(slots, 0);
        size = 0;
    }

    private int entryOf(int tokenId) {
        int slot = slotOf(tokenId);
        if (slots[slot] == 0) {
            if (size == tokenIds.length) {
                grow();
                slot = slotOf(tokenId);
            }
            tokenIds[size] = tokenId;
            values[size] = 0;
            slots[slot] = ++size;
        }
        return slots[slot] - 1;
    }

    private int slotOf(int tokenId) {
        int mask = slots.length - 1;
        int slot = (tokenId * 0x9E3779B9 >>> 7) & mask;
        while (slots[slot] != 0 && tokenIds[slots[slot] - 1] != tokenId) {
            slot = (slot + 1) & mask;
        }
        return slot;
    }

    private void grow() {
        tokenIds = Arrays.copyOf(tokenIds, 2 * size);
        values = Arrays.copyOf(values, 2 * size);
        slots = new int[4 * size];
        for (int entry = 0; entry < size; entry++) {
            slots[slotOf(tokenIds[entry])] = entry + 1;
        }
    }
}
