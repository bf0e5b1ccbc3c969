package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.Ties;
import java.util.Arrays;

/**
 * Finds the cut of {@link TailFree} from the head of the distribution alone. Not thread-safe; the scratch space grows with
 * the head.
 *
 * <p>All second differences after the head's sum to at most twice its last weight but one. If the cut is the same for a
 * tail of nothing and for one of that much, the tail does not matter; else a longer head is sorted, in the end all.
 */
final class TailCut {
    private static final int FIRST_HEAD = 1024;
    private static final int LONGER = 8;
    /** Of gaps to the maximum, an eighth wide; the last one holds all that are farther. */
    private static final int BUCKETS = 512;

    private static final double FLAT = 1e-6;
    private static final int UNKNOWN = -1;

    private final int[] counts = new int[BUCKETS];
    private float[] head = new float[0]; // ascending
    private double[] differences = new double[0];

    void apply(Logits logits, double z, int minKeep) {
        float max = logits.max();
        int alive = count(logits, max);
        if (alive <= 2) {
            return;
        }
        double sum = logits.weightSum();
        int keep = UNKNOWN;
        for (int wanted = FIRST_HEAD; keep == UNKNOWN; wanted *= LONGER) {
            int size = takeHead(logits, max, Math.min(wanted, alive));
            keep = cut(max, size, alive, sum, z, minKeep);
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
        double gap = logit == max ? 0 : (double) max - logit;
        return (int) Math.min(8 * gap, BUCKETS - 1);
    }

    /** Sorts the largest logits, at least so many; returns how many. */
    private int takeHead(Logits logits, float max, int wanted) {
        int size = 0;
        int buckets = 0;
        while (size < wanted) {
            size += counts[buckets++];
        }
        if (head.length < size) {
            head = new float[size + size / 8];
            differences = new double[head.length];
        }
        int n = 0;
        for (int i = 0; i < logits.size(); i++) {
            float logit = logits.get(i);
            if (logit > Float.NEGATIVE_INFINITY && bucket(logit, max) < buckets) {
                head[n++] = logit;
            }
        }
        Arrays.sort(head, 0, size);
        return size;
    }

    /** How many stay, or that a longer head must tell. */
    private int cut(float max, int size, int alive, double sum, double z, int minKeep) {
        double headSum = 0;
        double first = weight(head[size - 1], max);
        double second = size > 1 ? weight(head[size - 2], max) : 0;
        for (int i = 0; i + 2 < size; i++) {
            double third = weight(head[size - 3 - i], max);
            differences[i] = Math.abs((first - second) - (second - third));
            headSum += differences[i];
            first = second;
            second = third;
        }
        double tail = size < alive ? 2 * first : 0;
        if ((headSum + tail) / sum <= FLAT) {
            return evenly(alive, z, minKeep);
        }
        if (headSum / sum <= FLAT) {
            return UNKNOWN;
        }
        int withoutTail = crossing(size, z * headSum, minKeep);
        if (size == alive) {
            return withoutTail == UNKNOWN ? alive : withoutTail;
        }
        return withoutTail == crossing(size, z * (headSum + tail), minKeep) ? withoutTail : UNKNOWN;
    }

    private int crossing(int size, double target, int minKeep) {
        double running = 0;
        for (int i = 0; i + 2 < size; i++) {
            running += differences[i];
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

    private static double weight(float logit, float max) {
        return logit == max ? 1 : StrictMath.exp((double) logit - max);
    }
}
