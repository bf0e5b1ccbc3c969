package dev.tempera;

import java.util.Arrays;

/**
 * Finds the largest of many logits, and all those above a threshold, looking closely only where they are. The logits
 * are the values divided by a divisor, rounded to float; the division is done for few of them only. Not thread-safe;
 * the scratch space grows to the vocabulary once.
 */
final class Tournament {
    /*
     * Groups of 16 logits send their largest into the last round, by way of four groups of 4; who looks for large ones
     * then scans a sixteenth of the vocabulary and opens only the groups whose winner is large enough. The k-th largest
     * winner is a lower bound of the k-th largest logit, so that top-k opens about k groups.
     *
     * A group is not 16 neighbours but a column: a chunk of 8,192 logits is seen as 16 rows of 512, and
     * winner j of the chunk is the largest of entries j, j + 512, j + 1024, … In this form the rounds are element-wise,
     * and C2 vectorises them from JDK 17 on, which it does for no loop that reduces an array to its maximum. An array
     * is written at the index at which another is read, also at constant distances: C2 takes no other form. Opened row
     * by row, columns give positions in ascending order.
     *
     * Math.max makes the winner of a group with a NaN NaN; such a winner is put right by looking at the group.
     *
     * Division by a positive number never turns the order of two floats round, so the rounds are played over the values
     * as they are, and a threshold for quotients is one for values: the smallest whose quotient reaches it.
     */
    static final int WORTHWHILE = 4096;

    private static final int WIDTH = 512;
    private static final int CHUNK = 16 * WIDTH;
    private static final int QUADS = CHUNK / 4;
    /** The head: the logits within this gap of the largest, or, were these too many, as many as the 96th winner. */
    private static final float HEAD_GAP = 14;

    private static final int HEAD = 96;

    private final float[] chunk = new float[CHUNK];
    private final int[] open = new int[QUADS + 1];
    // Of each chunk, where it begins: the largest of entries j, j + 2048, j + 4096, j + 6144.
    private float[] quads = new float[0];
    // Where a round may be written: at the index at which it is read.
    private float[] rounds = new float[0];
    private float[] winners = new float[0];
    private float[] winnerWeights = new float[0];
    private final double[] buckets = new double[256];
    private int[] positions = new int[0];
    private final KthLargest kthLargest;
    private float[] values = chunk;
    private int size;
    private float divisor = 1;
    private boolean notANumber;
    private float headThreshold;

    Tournament(KthLargest kthLargest) {
        this.kthLargest = kthLargest;
    }

    /**
     * Plays the rounds over the first {@code size} values and returns the largest quotient; -inf if none is above.
     *
     * @param divisor positive
     */
    float play(float[] values, int size, float divisor) {
        this.values = values;
        this.size = size;
        this.divisor = divisor;
        notANumber = false;
        int chunks = chunks();
        if (winners.length < chunks * WIDTH) {
            winners = new float[chunks * WIDTH];
            winnerWeights = new float[chunks * WIDTH];
            quads = new float[chunks * CHUNK];
            rounds = new float[chunks * CHUNK];
            positions = new int[chunks * CHUNK + 1];
        }
        for (int c = 0; c < chunks; c++) {
            int from = c * CHUNK;
            if (size - from >= CHUNK) {
                largestOfFour(values, from, quads);
            } else {
                System.arraycopy(values, from, chunk, 0, size - from);
                Arrays.fill(chunk, size - from, CHUNK, Float.NEGATIVE_INFINITY);
                largestOfFour(chunk, 0, rounds);
                System.arraycopy(rounds, 0, quads, from, QUADS);
            }
            largestOfFourQuads(quads, from, rounds);
            System.arraycopy(rounds, from, winners, c * WIDTH, WIDTH);
        }
        return largestWinner(chunks * WIDTH) / divisor;
    }

    // Four at a time: C2 on JDK 17 leaves a loop over eight rows scalar, and one over sixteen as well.

    private static void largestOfFour(float[] x, int from, float[] largest) {
        for (int i = from; i < from + QUADS; i++) {
            largest[i] = Math.max(Math.max(x[i], x[i + 2048]), Math.max(x[i + 4096], x[i + 6144]));
        }
    }

    private static void largestOfFourQuads(float[] x, int from, float[] largest) {
        for (int i = from; i < from + WIDTH; i++) {
            largest[i] = Math.max(Math.max(x[i], x[i + 512]), Math.max(x[i + 1024], x[i + 1536]));
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

    private int chunks() {
        return (size + CHUNK - 1) / CHUNK;
    }

    /** The lowest position of the largest logit, which {@link #play} returned. */
    int firstAt(float max) {
        float threshold = undivided(max);
        int chunks = chunks();
        for (int c = 0; c < chunks; c++) {
            if (collectFewOfChunk(c, threshold, 0) > 0) {
                return positions[0];
            }
        }
        throw new IllegalStateException("no value is " + max);
    }

    /**
     * Collects the positions of all logits at or above the threshold, ascending, into {@link #positions}; returns how
     * many. The values must be those of the last {@link #play}, the threshold above -inf.
     */
    int collect(float threshold) {
        float t = undivided(threshold);
        int chunks = chunks();
        int n = 0;
        for (int c = 0; c < chunks; c++) {
            n = collectChunk(c, t, n);
        }
        return n;
    }

    /** As {@link #collect}, for a threshold that few groups reach. */
    int collectFew(float threshold) {
        float t = undivided(threshold);
        int chunks = chunks();
        int n = 0;
        for (int c = 0; c < chunks; c++) {
            n = collectFewOfChunk(c, t, n);
        }
        return n;
    }

    int[] positions() {
        return positions;
    }

    /** The smallest value whose quotient is at or above the threshold. */
    private float undivided(float threshold) {
        if (divisor == 1) {
            return threshold;
        }
        long low = ascending(Float.NEGATIVE_INFINITY);
        long high = ascending(Float.POSITIVE_INFINITY);
        while (high - low > 1) {
            long middle = (low + high) >> 1;
            if (ofAscending((int) middle) / divisor >= threshold) {
                high = middle;
            } else {
                low = middle;
            }
        }
        return ofAscending((int) high);
    }

    private static int ascending(float value) {
        int bits = Float.floatToRawIntBits(value);
        return bits ^ (bits >> 31 & 0x7fffffff);
    }

    private static float ofAscending(int ascending) {
        return Float.intBitsToFloat(ascending ^ (ascending >> 31 & 0x7fffffff));
    }

    private int collectFewOfChunk(int c, float threshold, int found) {
        int from = c * CHUNK;
        int opened = 0;
        for (int j = 0; j < WIDTH; j++) {
            if (winners[c * WIDTH + j] >= threshold) {
                open[opened++] = j;
            }
        }
        return scanColumns(from, Math.min(size, from + CHUNK), opened, threshold, found);
    }

    private int collectChunk(int c, float threshold, int found) {
        int from = c * CHUNK;
        int to = Math.min(size, from + CHUNK);
        if (threshold == Float.POSITIVE_INFINITY || notANumber) {
            return scanPlainly(from, to, threshold, found);
        }
        // A comparison with minus zero by sign would leave plus zero out, see openAt.
        float t = threshold == 0 ? -0f : threshold;
        if (to - from < CHUNK) {
            return scan(from, to, t, found);
        }
        int opened = openAt(quads, from, QUADS, t);
        return opened <= QUADS / 2 ? scanQuads(from, opened, t, found) : scan(from, to, t, found);
    }

    /*
     * Here and in the scans there is no branch on whether a value is large enough, since it would be mispredicted too
     * often: what is written last is kept unless the difference is negative. Minus zero is taken away, so that no zero
     * gives a negative one.
     */
    private int openAt(float[] largest, int from, int count, float threshold) {
        int[] open = this.open;
        int opened = 0;
        for (int j = 0; j < count; j++) {
            open[opened] = j;
            opened += ~Float.floatToRawIntBits(largest[from + j] - threshold) >>> 31;
        }
        return opened;
    }

    private int scan(int from, int to, float threshold, int found) {
        float[] x = values;
        int[] out = positions;
        int n = found;
        for (int i = from; i < to; i++) {
            out[n] = i;
            n += ~Float.floatToRawIntBits(x[i] - threshold) >>> 31;
        }
        return n;
    }

    private int scanQuads(int from, int opened, float threshold, int found) {
        float[] x = values;
        int[] open = this.open;
        int[] out = positions;
        int n = found;
        for (int row = from; row < from + CHUNK; row += QUADS) {
            for (int o = 0; o < opened; o++) {
                int i = row + open[o];
                out[n] = i;
                n += ~Float.floatToRawIntBits(x[i] - threshold) >>> 31;
            }
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

    /**
     * Chooses a threshold that some hundreds of logits reach at most, unless many are equal, and so that the mass below
     * is little; the least finite float if there are not as many above -inf. Returns {@link #massBelow} it.
     */
    double chooseHead(float max) {
        headThreshold = max - HEAD_GAP;
        double below = massBelow(headThreshold, max);
        if (below == Double.POSITIVE_INFINITY) {
            float reached = reachedBy(HEAD);
            headThreshold = reached == Float.NEGATIVE_INFINITY ? -Float.MAX_VALUE : reached;
            below = massBelow(headThreshold, max);
        }
        return below;
    }

    float headThreshold() {
        return headThreshold;
    }

    /** Whether few groups come within a gap of 10 of the largest logit: else the head cannot hold most of the mass. */
    boolean isPeaked(float max) {
        float threshold = undivided(max - 10);
        int groups = size / 128;
        int count = chunks() * WIDTH;
        int n = 0;
        for (int w = 0; w < count && n <= groups; w++) {
            if (winners[w] >= threshold) {
                n++;
            }
        }
        return n <= groups;
    }

    /**
     * An upper bound of the sum of e^(logit - max) over the logits below the threshold: 16 times the winner of each
     * group that stays below, and 15 times the threshold for each other. Infinite if too many groups reach it.
     */
    double massBelow(float threshold, float max) {
        int count = chunks() * WIDTH;
        DeterministicExp.weights(winners, 0, count, divisor, max, winnerWeights);
        float t = undivided(threshold);
        int opened = 0;
        double even = 0;
        double odd = 0;
        for (int w = 0; w < count; w += 2) {
            if (winners[w] >= t) {
                opened++;
            } else {
                even += weight(w);
            }
            if (winners[w + 1] >= t) {
                opened++;
            } else {
                odd += weight(w + 1);
            }
        }
        if (opened > 4 * HEAD) {
            return Double.POSITIVE_INFINITY;
        }
        double bound = 16 * (even + odd) + 15 * opened * Math.exp((double) threshold - max);
        // The errors of the weights, see DeterministicExp and DrawWeights.
        return bound * 1.00001 + size * 1e-18;
    }

    /** A threshold such that the winners that reach it weigh that much; -inf if all of them weigh less. */
    float thresholdOfMass(double mass, float max) {
        int count = chunks() * WIDTH;
        DeterministicExp.weights(winners, 0, count, divisor, max, winnerWeights);
        double even = 0;
        double odd = 0;
        for (int w = 0; w < count; w += 2) {
            even += weight(w);
            odd += weight(w + 1);
        }
        if (even + odd < mass) {
            return Float.NEGATIVE_INFINITY;
        }
        // Four buckets for each factor of e.
        Arrays.fill(buckets, 0);
        for (int w = 0; w < count; w++) {
            float gap = max - winners[w] / divisor;
            if (gap < buckets.length / 4) {
                buckets[(int) (4 * gap)] += winnerWeights[w];
            }
        }
        double above = 0;
        for (int bucket = 0; bucket < buckets.length; bucket++) {
            above += buckets[bucket];
            if (above >= mass) {
                return max - (bucket + 1) * 0.25f;
            }
        }
        return Float.NEGATIVE_INFINITY;
    }

    /** Of a winner; that of -inf is NaN. */
    private float weight(int winner) {
        float weight = winnerWeights[winner];
        return weight > 0 ? weight : 0;
    }

    /**
     * A value that at least k logits reach, close to the k-th largest: the k-th largest winner. -inf if there are
     * fewer winners above that.
     */
    float reachedBy(int k) {
        return kthLargest.of(winners, chunks() * WIDTH, k) / divisor;
    }
}
