package dev.tempera.djl;

import dev.tempera.engine.FinishReason;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sequences with one and the same prompt that are decoded together: the prompt is read once, and every step reads the
 * weights once for all of them. Each has its own sampling. Belongs to the decode thread.
 */
final class SequenceGroup {
    /** A long prompt is read in pieces, so that other generations go on meanwhile. */
    private static final int PREFILL_CHUNK = 256;

    private final long[] prompt;
    private final List<Sequence> rows; // row i of the cache belongs to rows.get(i)
    private @Nullable KvCache cache; // of one row until the prompt is read
    private boolean promptRead;
    private float[] logits = new float[0]; // [rows, vocabulary], and one row of it for the sampler to overwrite
    private float[] ownLogits = new float[0];

    SequenceGroup(int[] prompt, List<Sequence> sequences) {
        this.prompt = Arrays.stream(prompt).asLongStream().toArray();
        this.rows = new ArrayList<>(sequences);
    }

    /** Whether a step would do anything now: every reader has room, or one of them is gone. */
    boolean isRunnable(long unreadLimitNanos) {
        boolean room = true;
        for (Sequence row : rows) {
            if (isGone(row, unreadLimitNanos)) {
                return true;
            }
            room &= row.stream().hasRoom();
        }
        return room;
    }

    boolean isFinished() {
        return rows.isEmpty();
    }

    /** Reads a piece of the prompt, or generates one token for every row. */
    void step(Decoder decoder, long unreadLimitNanos) {
        endThoseGone(unreadLimitNanos);
        if (rows.isEmpty()) {
            return;
        }
        if (cache == null) {
            cache = new KvCache(decoder, 1, prompt.length + 1);
        }
        if (promptRead) {
            generate(decoder, cache);
        } else {
            readPrompt(decoder, cache);
        }
    }

    private void readPrompt(Decoder decoder, KvCache cache) {
        int from = cache.length();
        int to = Math.min(from + PREFILL_CHUNK, prompt.length);
        promptRead = to == prompt.length;
        float[] logits = new float[promptRead ? decoder.vocabSize() : 0];
        decoder.forward(cache, Arrays.copyOfRange(prompt, from, to), promptRead ? to - from - 1 : to - from, logits);
        if (promptRead) {
            float[] ownCopy = new float[logits.length];
            for (Sequence row : rows) {
                System.arraycopy(logits, 0, ownCopy, 0, logits.length);
                row.advance(ownCopy);
            }
            dropFinished(cache, new int[rows.size()]); // every row continues row 0
        }
    }

    private void generate(Decoder decoder, KvCache cache) {
        if (rows.size() == 1) {
            cache.truncate(rows.get(0).length() - 1); // a processor may have taken tokens back
        }
        long[] newest = new long[rows.size()];
        int[] order = new int[rows.size()];
        for (int i = 0; i < newest.length; i++) {
            newest[i] = rows.get(i).lastToken();
            order[i] = i;
        }
        int vocabulary = decoder.vocabSize();
        if (logits.length < newest.length * vocabulary) {
            logits = new float[newest.length * vocabulary];
            ownLogits = new float[vocabulary];
        }
        decoder.forward(cache, newest, 0, logits);
        for (int i = 0; i < newest.length; i++) {
            System.arraycopy(logits, i * vocabulary, ownLogits, 0, vocabulary);
            rows.get(i).advance(ownLogits);
        }
        dropFinished(cache, order);
    }

    /** @param cacheRows the row of the cache that each of the rows continues */
    private void dropFinished(KvCache cache, int[] cacheRows) {
        int kept = 0;
        for (int i = 0; i < cacheRows.length; i++) {
            if (!rows.get(i).isFinished()) {
                cacheRows[kept++] = cacheRows[i];
            }
        }
        rows.removeIf(Sequence::isFinished);
        if (kept > 0 && kept != cache.rows()) {
            cache.selectRows(Arrays.copyOf(cacheRows, kept));
        }
    }

    private void endThoseGone(long unreadLimitNanos) {
        int[] order = new int[rows.size()];
        for (int i = 0; i < order.length; i++) {
            order[i] = i;
            Sequence row = rows.get(i);
            if (isGone(row, unreadLimitNanos)) {
                row.finish(row.stream().isCancelled() ? FinishReason.CANCELLED : FinishReason.ABORT);
            }
        }
        if (cache != null && promptRead) {
            dropFinished(cache, order);
        } else {
            rows.removeIf(Sequence::isFinished);
        }
    }

    private static boolean isGone(Sequence row, long unreadLimitNanos) {
        return row.stream().isCancelled() || row.stream().nanosUnread(System.nanoTime()) > unreadLimitNanos;
    }

    void finishAll(FinishReason reason) {
        rows.forEach(row -> row.finish(reason));
        rows.clear();
    }

    void failAll(RuntimeException cause) {
        rows.forEach(row -> row.fail(cause));
        rows.clear();
    }

    void free() {
        if (cache != null) {
            cache.close();
            cache = null;
        }
    }
}
