package dev.tempera;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a draw, their total and the position that a random number falls on. Not thread-safe; the scratch space
 * grows to the vocabulary once.
 */
final class DrawWeights {
    /*
     * The weight of a candidate is DeterministicExp.exp(logit - max), the difference rounded to float, and so is the
     * logit, the value divided by a divisor; NaN there (a logit of NaN or -inf) is 0. Chunks of 8,192 candidates are
     * summed by folding in float, 8,192 to 2,048 to 512 to 128, each entry being the sum of two pairs; then the 128 in
     * double by four accumulators. The folds vectorise, a running sum would not. Entries past the end count as 0,
     * which changes no sum. Chunks are added in double. All of it is part of the definition of a draw: another order
     * would round differently.
     *
     * Where few candidates are near the maximum, as in nearly every step of a real model, the draw is settled among
     * them, the mass of all others being an interval; only if the random number falls too close to a border for that
     * are all the weights computed.
     *
     * Error: a weight is within 2e-7 + 2^-24 * gap of e^-gap relatively (the second term is the rounded difference),
     * a sum within 6 * 2^-24 = 3.6e-7 of the sum of its weights.
     */
    static final double WEIGHT_ERROR = 2e-7;
    static final double GAP_ERROR = 0x1p-24;
    static final double SUM_ERROR = 6 * 0x1p-24;

    private static final int CHUNK = 8192;

    private final Tournament tournament;
    private final @Nullable WeightKernel accelerated;
    private float[] weights = new float[CHUNK];
    private double[] chunks = new double[1];
    private float[] head = new float[0];

    DrawWeights(Tournament tournament) {
        this(tournament, Kernels.WEIGHTS);
    }

    DrawWeights(Tournament tournament, @Nullable WeightKernel accelerated) {
        this.tournament = tournament;
        this.accelerated = accelerated;
    }

    /** The sum of the weights; {@code max} is finite. */
    double total(float[] values, int size, float divisor, float max) {
        int count = (size + CHUNK - 1) / CHUNK;
        if (chunks.length < count) {
            weights = new float[count * CHUNK];
            chunks = new double[count];
        }
        int plainFrom = 0;
        if (accelerated != null) {
            plainFrom = size / CHUNK * CHUNK;
            for (int from = 0; from < plainFrom; from += CHUNK) {
                accelerated.weights(values, from, divisor, max, weights);
                chunks[from / CHUNK] = sum(0, CHUNK);
            }
        }
        DeterministicExp.weights(values, plainFrom, size, divisor, max, weights);
        double total = 0;
        for (int c = 0; c < count; c++) {
            int from = c * CHUNK;
            int to = Math.min(size, from + CHUNK);
            double sum = from < plainFrom ? chunks[c] : sum(from, to);
            if (sum != sum) {
                DeterministicExp.weights(values, from, to, divisor, max, weights);
                dropNaN(from, to);
                sum = sum(from, to);
            }
            chunks[c] = sum;
            total += sum;
        }
        return total;
    }

    /**
     * The first position at which the running sum of weights exceeds {@code u} times the total: chunks first, then the
     * weights of one chunk one by one, in double.
     *
     * @param played whether the tournament has just been played over these values
     */
    int draw(float[] values, int size, float divisor, float max, double u, boolean played) {
        int position = played ? drawFromHead(values, divisor, max, u) : -1;
        return position >= 0 ? position : drawFromAll(values, size, divisor, max, u);
    }

    /** The position if it is one near the maximum for sure, else -1. */
    private int drawFromHead(float[] values, float divisor, float max, double u) {
        if (!tournament.isPeaked(max)) {
            return -1;
        }
        double others = tournament.chooseHead(max);
        if (others > 0.1) {
            return -1;
        }
        int n = tournament.collectFew(tournament.headThreshold());
        int[] positions = tournament.positions();
        if (head.length < n) {
            head = new float[2 * n];
        }
        for (int i = 0; i < n; i++) {
            head[i] = values[positions[i]] / divisor;
        }
        DeterministicExp.weights(head, 0, n, 1, max, head);
        double mass = 0;
        for (int i = 0; i < n; i++) {
            mass += head[i];
        }
        double rounding = 2 * SUM_ERROR * (mass + others);
        double leastTarget = u * mass - rounding;
        double largestTarget = u * (mass + others) + rounding;
        double before = 0;
        for (int i = 0; i < n && before + others < leastTarget; i++) {
            before += head[i];
            if (before > largestTarget) {
                return positions[i];
            }
        }
        return -1;
    }

    private int drawFromAll(float[] values, int size, float divisor, float max, double u) {
        double target = u * total(values, size, divisor, max);
        int count = (size + CHUNK - 1) / CHUNK;
        double before = 0;
        int c = 0;
        while (c < count - 1 && before + chunks[c] <= target) {
            before += chunks[c++];
        }
        int last = -1;
        // Rounding may let a chunk's own running sum end at or below the target: then its last candidate is drawn.
        for (int from = c * CHUNK; last < 0; from -= CHUNK) {
            int to = Math.min(size, from + CHUNK);
            DeterministicExp.weights(values, from, to, divisor, max, weights);
            for (int i = from; i < to; i++) {
                if (weights[i] > 0) {
                    last = i;
                    before += weights[i];
                    if (before > target) {
                        return i;
                    }
                }
            }
        }
        return last;
    }

    /** All +inf weigh the same, the rest nothing; at least one value is +inf. */
    static int drawInfinite(float[] values, int size, double u) {
        int count = 0;
        for (int i = 0; i < size; i++) {
            if (values[i] == Float.POSITIVE_INFINITY) {
                count++;
            }
        }
        int skip = (int) (u * count);
        for (int i = 0; ; i++) {
            if (values[i] == Float.POSITIVE_INFINITY && skip-- == 0) {
                return i;
            }
        }
    }

    /** Destroys the weights of the chunk. */
    private double sum(int from, int to) {
        int n = to - from;
        Arrays.fill(weights, to, from + (n <= 128 ? 128 : n <= 512 ? 512 : n <= 2048 ? 2048 : CHUNK), 0);
        if (n > 2048) {
            foldTo2048(weights, from);
        }
        if (n > 512) {
            foldTo512(weights, from);
        }
        if (n > 128) {
            foldTo128(weights, from);
        }
        double a = 0;
        double b = 0;
        double c = 0;
        double d = 0;
        for (int i = from; i < from + 128; i += 4) {
            a += weights[i];
            b += weights[i + 1];
            c += weights[i + 2];
            d += weights[i + 3];
        }
        return (a + b) + (c + d);
    }

    // In place and at constant distances, four at a time: C2 on JDK 17 vectorises no more general form.
    private static void foldTo2048(float[] w, int from) {
        for (int i = from; i < from + 2048; i++) {
            w[i] = (w[i] + w[i + 2048]) + (w[i + 4096] + w[i + 6144]);
        }
    }

    private static void foldTo512(float[] w, int from) {
        for (int i = from; i < from + 512; i++) {
            w[i] = (w[i] + w[i + 512]) + (w[i + 1024] + w[i + 1536]);
        }
    }

    private static void foldTo128(float[] w, int from) {
        for (int i = from; i < from + 128; i++) {
            w[i] = (w[i] + w[i + 128]) + (w[i + 256] + w[i + 384]);
        }
    }

    private void dropNaN(int from, int to) {
        for (int i = from; i < to; i++) {
            if (!(weights[i] > 0)) {
                weights[i] = 0;
            }
        }
    }
}
