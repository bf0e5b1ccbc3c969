package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.Ties;
import java.util.Arrays;

/**
 * Finds the cut of {@link TailFree}, if possible from the head of the distribution alone. Not thread-safe; the scratch
 * space grows with what is sorted.
 *
 * <p>All second differences after the head's sum to at most twice its last weight but one. If the cut is the same for a
 * tail of nothing and for one of that much, the tail does not matter; else all are sorted.
 */
final class TailCut {
    private static final int HEAD = 1024;
    /** Of gaps to the maximum, an eighth wide; the last one holds all that are farther. */
    private static final int BUCKETS = 512;

    private static final double FLAT = 1e-6;
    private static final int UNKNOWN = -1;

    private final int[] counts = new int[BUCKETS];
    private float[] head = new float[0];
    private final FallingOrder order = new FallingOrder();
    private double[] weights = new double[0];
    // Weights by falling logit, and then the second differences.
    private double[] sorted = new double[0];

    void apply(Logits logits, double z, int minKeep) {
        float max = logits.max();
        int alive = count(logits, max);
        if (alive <= 2) {
            return;
        }
        double sum = logits.weightSum();
        int keep = cut(sortHead(logits, max, Math.min(HEAD, alive)), alive, sum, z, minKeep);
        if (keep == UNKNOWN) {
            sortAll(logits);
            keep = cut(alive, alive, sum, z, minKeep);
        }
        logits.retainTop(keep, Ties.LOWEST_IDS);
    }

    /** Counts the candidates above -inf, in all and by gap. */
    private int count(Logits logits, float max) {
        Arrays.fill(counts, 0);
        int alive = 0;
        for (int i = 0; i < logits.size(); i++) {
            float logit = logits.get(i);
            if (logit > Float.NEGATIVE_INFINITY) {
                counts[bucket(logit, max)]++;
                alive++;
            }
        }
        return alive;
    }

    private static int bucket(float logit, float max) {
        return Math.min((int) (8 * (max - logit)), BUCKETS - 1); // +inf less itself is NaN, and NaN is 0
    }

    /** Sorts the weights of the largest logits, at least so many; returns how many. */
    private int sortHead(Logits logits, float max, int wanted) {
        int size = 0;
        int buckets = 0;
        while (size < wanted) {
            size += counts[buckets++];
        }
        if (head.length < size) {
            head = new float[size + size / 8];
        }
        int n = 0;
        for (int i = 0; i < logits.size(); i++) {
            float logit = logits.get(i);
            if (logit > Float.NEGATIVE_INFINITY && bucket(logit, max) < buckets) {
                head[n++] = logit;
            }
        }
        Arrays.sort(head, 0, size);
        ensureSorted(size);
        for (int i = 0; i < size; i++) {
            float logit = head[size - 1 - i];
            sorted[i] = logit == max ? 1 : StrictMath.exp((double) logit - max);
        }
        return size;
    }

    private void sortAll(Logits logits) {
        if (weights.length < logits.size()) {
            weights = new double[logits.size()];
        }
        logits.weights(weights);
        int n = order.sort(logits);
        ensureSorted(n);
        for (int rank = 0; rank < n; rank++) {
            sorted[rank] = weights[order.position(rank)];
        }
    }

    private void ensureSorted(int size) {
        if (sorted.length < size) {
            sorted = new double[size + size / 8];
        }
    }

    /** How many stay, going by so many sorted weights, or that more must be known. */
    private int cut(int size, int alive, double sum, double z, int minKeep) {
        double tail = size < alive ? 2 * sorted[Math.max(size - 2, 0)] : 0;
        double differences = 0;
        for (int i = 0; i + 2 < size; i++) {
            sorted[i] = Math.abs((sorted[i] - sorted[i + 1]) - (sorted[i + 1] - sorted[i + 2]));
            differences += sorted[i];
        }
        if ((differences + tail) / sum <= FLAT) {
            return evenly(alive, z, minKeep);
        }
        if (differences / sum <= FLAT) {
            return UNKNOWN;
        }
        int keep = crossing(size, z * differences, minKeep);
        if (size == alive) {
            return keep == UNKNOWN ? alive : keep;
        }
        return keep == crossing(size, z * (differences + tail), minKeep) ? keep : UNKNOWN;
    }

    private int crossing(int size, double target, int minKeep) {
        double running = 0;
        for (int i = 0; i + 2 < size; i++) {
            running += sorted[i];
            if (running > target && i >= minKeep) {
                return i;
            }
        }
        return UNKNOWN;
    }

    private static int evenly(int alive, double z, int minKeep) {
        int i = Math.max(minKeep, (int) (z * (alive - 2)));
        return i < alive - 2 ? i : alive;
    }
}
