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
            rows.forEach(Sequence::begin);
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
        int logitsFrom = promptRead ? to - from - 1 : to - from;
        decoder.forward(cache, Arrays.copyOfRange(prompt, from, to), logitsFrom, logits(decoder));
        if (promptRead) {
            int[] allFromRow0 = new int[rows.size()];
            sample(decoder, allFromRow0);
            dropFinished(cache, allFromRow0);
        }
    }

    private void generate(Decoder decoder, KvCache cache) {
        if (rows.size() == 1) {
            cache.truncate(rows.get(0).length() - 1); // a processor may have taken tokens back
        }
        long[] newest = new long[rows.size()];
        Arrays.setAll(newest, i -> rows.get(i).lastToken());
        decoder.forward(cache, newest, 0, logits(decoder));
        int[] inOrder = inOrder();
        sample(decoder, inOrder);
        dropFinished(cache, inOrder);
    }

    private float[] logits(Decoder decoder) {
        int vocabulary = decoder.vocabSize();
        if (logits.length < rows.size() * vocabulary) {
            logits = new float[rows.size() * vocabulary];
            ownLogits = new float[vocabulary];
        }
        return logits;
    }

    /** @param logitsRows the row of the logits that each of the rows draws from */
    private void sample(Decoder decoder, int[] logitsRows) {
        int vocabulary = decoder.vocabSize();
        for (int i = 0; i < logitsRows.length; i++) {
            System.arraycopy(logits, logitsRows[i] * vocabulary, ownLogits, 0, vocabulary);
            rows.get(i).advance(ownLogits);
        }
    }

    private int[] inOrder() {
        int[] order = new int[rows.size()];
        Arrays.setAll(order, i -> i);
        return order;
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

    void endThoseGone(long unreadLimitNanos) {
        int[] inOrder = inOrder();
        for (Sequence row : rows) {
            if (isGone(row, unreadLimitNanos)) {
                row.finish(row.stream().isCancelled() ? FinishReason.CANCELLED : FinishReason.ABORT);
            }
        }
        if (cache != null && promptRead) {
            dropFinished(cache, inOrder);
        } else {
            rows.removeIf(Sequence::isFinished);
        }
    }

    private static boolean isGone(Sequence row, long unreadLimitNanos) {
        return row.stream().isCancelled() || row.stream().nanosUnread(System.nanoTime()) > unreadLimitNanos;
    }

    void finishAll(FinishReason reason) {
        while (!rows.isEmpty()) {
            rows.remove(0).finish(reason);
        }
    }

    void failAll(RuntimeException cause) {
        while (!rows.isEmpty()) {
            rows.remove(0).fail(cause);
        }
    }

    void free() {
        if (cache != null) {
            cache.close();
            cache = null;
        }
    }
}
