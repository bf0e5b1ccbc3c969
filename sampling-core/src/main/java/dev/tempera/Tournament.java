package dev.tempera;

import java.util.Arrays;

/**
 * Finds the largest of many logits, and all those above a threshold, looking closely only where they are. Not
 * thread-safe; the scratch space grows to the vocabulary once.
 */
final class Tournament {
    /*
     * Groups of 16 logits send their largest into the next round; who looks for large ones then scans a sixteenth of
     * the vocabulary and opens only the groups whose winner is large enough. The k-th largest winner is a lower bound
     * of the k-th largest logit, so that top-k opens about k groups.
     *
     * A group is not 16 neighbours but a column: a chunk of 8,192 logits is seen as 16 rows of 512, and
     * winner j of the chunk is the largest of entries j, j + 512, j + 1024, … In this form the round is element-wise,
     * and C2 vectorises it from JDK 17 on, which it does for no loop that reduces an array to its maximum. The chunk is
     * copied first because in place, at constant distances, is the only form that it takes; copy and round together
     * cost half of the plain loop `if (x[i] > max)`. Opened row by row, columns give positions in ascending order.
     *
     * Math.max makes the winner of a group with a NaN NaN; such a winner is put right by looking at the group.
     */
    static final int WORTHWHILE = 4096;

    private static final int WIDTH = 512;
    private static final int CHUNK = 16 * WIDTH;

    private final float[] chunk = new float[CHUNK];
    private final int[] open = new int[WIDTH + 1];
    private float[] winners = new float[0];
    private int[] positions = new int[0];
    private final KthLargest kthLargest;
    private float[] values = chunk;
    private int size;
    private boolean notANumber;

    Tournament(KthLargest kthLargest) {
        this.kthLargest = kthLargest;
    }

    /** Plays the round over the first {@code size} values and returns the largest; -inf if none is above. */
    float play(float[] values, int size) {
        this.values = values;
        this.size = size;
        notANumber = false;
        int chunks = (size + CHUNK - 1) / CHUNK;
        if (winners.length < chunks * WIDTH) {
            winners = new float[chunks * WIDTH];
            positions = new int[chunks * CHUNK + 1];
        }
        for (int c = 0; c < chunks; c++) {
            int n = Math.min(CHUNK, size - c * CHUNK);
            System.arraycopy(values, c * CHUNK, chunk, 0, n);
            Arrays.fill(chunk, n, CHUNK, Float.NEGATIVE_INFINITY);
            largestOfColumns(chunk);
            System.arraycopy(chunk, 0, winners, c * WIDTH, WIDTH);
        }
        return largestWinner(chunks * WIDTH);
    }

    // Four at a time: C2 on JDK 17 leaves a loop over eight rows scalar, and one over sixteen as well.
    private static void largestOfColumns(float[] x) {
        for (int i = 0; i < 2048; i++) {
            x[i] = Math.max(Math.max(x[i], x[i + 2048]), Math.max(x[i + 4096], x[i + 6144]));
        }
        for (int i = 0; i < WIDTH; i++) {
            x[i] = Math.max(Math.max(x[i], x[i + 512]), Math.max(x[i + 1024], x[i + 1536]));
        }
    }

    private float largestWinner(int count) {
        float max = Float.NEGATIVE_INFINITY;
        for (int w = 0; w < count; w++) {
            float winner = winners[w];
            if (!(winner <= max)) {
                if (winner != winner) {
                    notANumber = true;
                    winner = largestNumber(w);
                    winners[w] = winner;
                }
                max = winner > max ? winner : max;
            }
        }
        return max;
    }

    private float largestNumber(int winner) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = firstOf(winner); i < Math.min(size, firstOf(winner) + CHUNK); i += WIDTH) {
            if (values[i] > max) {
                max = values[i];
            }
        }
        return max;
    }

    private static int firstOf(int winner) {
        return winner / WIDTH * CHUNK + winner % WIDTH;
    }

    /** The lowest position with this value, which {@link #play} returned. */
    int firstAt(float max) {
        int chunks = (size + CHUNK - 1) / CHUNK;
        for (int c = 0; c < chunks; c++) {
            if (collectChunk(c, max, 0) > 0) {
                return positions[0];
            }
        }
        throw new IllegalStateException("no value is " + max);
    }

    /**
     * Collects the positions of all values at or above the threshold, ascending, into {@link #positions}; returns how
     * many. The values must be those of the last {@link #play}, the threshold above -inf.
     */
    int collect(float threshold) {
        int chunks = (size + CHUNK - 1) / CHUNK;
        int n = 0;
        for (int c = 0; c < chunks; c++) {
            n = collectChunk(c, threshold, n);
        }
        return n;
    }

    /** As {@link #collect}, for thresholds that many values reach: looks at all of them at once. */
    int collectMany(float threshold) {
        return scan(0, size, threshold == 0 ? -0f : threshold, 0);
    }

    int[] positions() {
        return positions;
    }

    private int collectChunk(int c, float threshold, int found) {
        int from = c * CHUNK;
        int to = Math.min(size, from + CHUNK);
        if (threshold == Float.POSITIVE_INFINITY) {
            return scanPlainly(from, to, threshold, found);
        }
        // Without branches, here and in scan: one on whether a logit is large enough is mispredicted too often. Counts
        // up
        // unless the difference is negative; minus zero is taken away, so that no zero is.
        float t = threshold == 0 ? -0f : threshold;
        int opened = 0;
        for (int j = 0; j < WIDTH; j++) {
            open[opened] = j;
            opened += ~Float.floatToRawIntBits(winners[c * WIDTH + j] - t) >>> 31;
        }
        return opened > WIDTH / 8 ? scan(from, to, t, found) : scanColumns(from, to, opened, t, found);
    }

    private int scan(int from, int to, float threshold, int found) {
        if (notANumber) {
            return scanPlainly(from, to, threshold, found);
        }
        float[] x = values;
        int[] out = positions;
        int n = found;
        for (int i = from; i < to; i++) {
            out[n] = i;
            n += ~Float.floatToRawIntBits(x[i] - threshold) >>> 31;
        }
        return n;
    }

    private int scanPlainly(int from, int to, float threshold, int found) {
        int n = found;
        for (int i = from; i < to; i++) {
            if (values[i] >= threshold) {
                positions[n++] = i;
            }
        }
        return n;
    }

    private int scanColumns(int from, int to, int opened, float threshold, int found) {
        int n = found;
        for (int row = from; row < to && opened > 0; row += WIDTH) {
            for (int o = 0; o < opened; o++) {
                int i = row + open[o];
                if (i < to && values[i] >= threshold) {
                    positions[n++] = i;
                }
            }
        }
        return n;
    }

    /** Whether at most so many groups hold a value at or above the threshold. */
    boolean isRare(float threshold, int groups) {
        int chunks = (size + CHUNK - 1) / CHUNK;
        int n = 0;
        for (int w = 0; w < chunks * WIDTH && n <= groups; w++) {
            if (winners[w] >= threshold) {
                n++;
            }
        }
        return n <= groups;
    }

    /**
     * A value that at least k values reach, close to the k-th largest: the k-th largest winner. -inf if there are
     * fewer winners above that.
     */
    float reachedBy(int k) {
        return kthLargest.of(winners, (size + CHUNK - 1) / CHUNK * WIDTH, k);
    }
}
