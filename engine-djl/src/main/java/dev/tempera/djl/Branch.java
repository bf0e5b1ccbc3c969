package dev.tempera.djl;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One prompt and the rows that continue it: their KV cache and the logits of their next tokens. Belongs to the decode
 * thread.
 */
final class Branch {
    /** A long prompt is read in pieces, so that other generations go on meanwhile. */
    private static final int PREFILL_CHUNK = 256;

    private final long[] prompt;
    private @Nullable KvCache cache; // of one row until the first of the rows draws from it
    private float[] logits = new float[0]; // [cache rows, vocabulary]

    Branch(int[] prompt) {
        this.prompt = Arrays.stream(prompt).asLongStream().toArray();
    }

    boolean isRead() {
        return cache != null && cache.length() >= prompt.length;
    }

    /** Reads a piece of the prompt; the last one gives logits. */
    void readPrompt(Decoder decoder) {
        KvCache rows = cache;
        if (rows == null) {
            rows = new KvCache(decoder, 1, prompt.length + 1);
            cache = rows;
        }
        int from = rows.length();
        int to = Math.min(from + PREFILL_CHUNK, prompt.length);
        int logitsFrom = to == prompt.length ? to - from - 1 : to - from;
        forward(decoder, rows, Arrays.copyOfRange(prompt, from, to), logitsFrom);
    }

    /** Reads the newest token of every row, and has the logits of the next. */
    void readNewest(Decoder decoder, List<Sequence> rows) {
        if (cache == null) {
            return;
        }
        if (rows.size() == 1) { // a processor may have taken tokens back, even all of them
            cache.truncate(prompt.length + rows.get(0).generated() - 1);
        }
        long[] newest = new long[rows.size()];
        Arrays.setAll(
                newest,
                i -> rows.get(i).generated() == 0
                        ? prompt[prompt.length - 1]
                        : rows.get(i).lastToken());
        forward(decoder, cache, newest, 0);
    }

    private void forward(Decoder decoder, KvCache rows, long[] tokenIds, int logitsFrom) {
        if (logits.length < rows.rows() * decoder.vocabSize()) {
            logits = new float[rows.rows() * decoder.vocabSize()];
        }
        decoder.forward(rows, tokenIds, logitsFrom, logits);
    }

    void copyLogits(int row, float[] target) {
        System.arraycopy(logits, cacheRow(row) * target.length, target, 0, target.length);
    }

    /** Drops the other rows. */
    void keep(int[] rows) {
        if (cache != null && rows.length > 0 && rows.length != cache.rows()) {
            cache.selectRows(Arrays.stream(rows).map(this::cacheRow).toArray());
        }
    }

    /** After the prompt, every row continues the only one. */
    private int cacheRow(int row) {
        return cache == null || cache.rows() == 1 ? 0 : row;
    }

    void free() {
        if (cache != null) {
            cache.close();
            cache = null;
        }
    }
}
