package dev.tempera.djl;

import ai.djl.pytorch.jni.IValue;

/**
 * Keys and values of the tokens that a group of equally long sequences has behind it. Belongs to the decoder's thread.
 *
 * <p>Preallocated for {@code capacity} tokens and replaced by one of at least twice the size when they are used up, so
 * that a token costs no copy of what came before it.
 */
final class KvCache implements AutoCloseable {
    private static final int STEP = 256;

    private final Decoder decoder;
    private IValue tensors;
    private int rows;
    private int capacity;
    private int length;

    KvCache(Decoder decoder, int rows, int expectedTokens) {
        this.decoder = decoder;
        this.rows = rows;
        this.capacity = roundUp(expectedTokens);
        this.tensors = decoder.newCacheTensors(rows, capacity);
    }

    /** Memory of one row of so many tokens. */
    static long bytes(Qwen2Config config, int tokens, Dtype dtype) {
        return 2L * config.numHiddenLayers() * config.numKeyValueHeads() * config.headDim() * tokens * dtype.bytes;
    }

    /** Makes room for {@code tokens} more in every row. */
    void reserve(int tokens) {
        if (length + tokens > capacity) {
            int[] everyRow = new int[rows];
            for (int row = 0; row < rows; row++) {
                everyRow[row] = row;
            }
            replace(everyRow, roundUp(Math.max(length + tokens, 2 * capacity)));
        }
    }

    /** Keeps the given rows, in the given order; one may be given more than once. */
    void selectRows(int... kept) {
        replace(kept, capacity);
    }

    private void replace(int[] kept, int newCapacity) {
        IValue old = tensors;
        tensors = decoder.copyCacheTensors(old, kept, length, newCapacity);
        old.close();
        rows = kept.length;
        capacity = newCapacity;
    }

    private int roundUp(int tokens) {
        int steps = (Math.max(tokens, 1) + STEP - 1) / STEP;
        return Math.min(steps * STEP, decoder.contextLength());
    }

    IValue tensors() {
        return tensors;
    }

    int rows() {
        return rows;
    }

    int length() {
        return length;
    }

    /** Forgets what comes after the first {@code tokens}. */
    void truncate(int tokens) {
        length = Math.min(length, tokens);
    }

    void advance(int tokens) {
        length += tokens;
    }

    @Override
    public void close() {
        tensors.close();
    }
}
