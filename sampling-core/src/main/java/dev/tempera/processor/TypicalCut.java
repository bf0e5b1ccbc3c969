package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.Ties;
import java.util.Arrays;

/**
 * Finds the typical set of {@link TypicalP} without sorting: by histograms of the weights over the distances, of which
 * only the bucket in which the sum crosses p is looked at more closely. Not thread-safe; the scratch space grows with
 * the candidates.
 */
final class TypicalCut {
    private static final int BUCKETS = 256;
    private static final int FEW = 32;
    private static final int MASKED = Float.floatToRawIntBits(Float.NEGATIVE_INFINITY);

    private final double[] buckets = new double[BUCKETS];
    // Of every candidate.
    private double[] weights = new double[0];
    private double[] distances = new double[0];
    // Indices of candidates that may be the last one kept, ascending.
    private int[] active = new int[0];
    private int activeCount;
    // The last one kept, in ascending distance and id: how far it is, and how many at that distance are.
    private double lastDistance;
    private int lastTies;

    void apply(Logits logits, double p, int minKeep, Ties ties) {
        int size = logits.size();
        ensure(size);
        logits.weights(weights);
        double total = measure(logits);
        boolean all = ties == Ties.KEEP_ALL;
        find(size, p * total, !all);
        if (minKeep > 1 && kept(size, all) < minKeep) {
            for (int i = 0; i < size; i++) {
                weights[i] = distances[i] < Double.POSITIVE_INFINITY ? 1 : 0;
            }
            find(size, minKeep, false);
            all = false;
        }
        maskFarther(logits.values(), size);
        if (!all) {
            maskTies(logits.values(), size);
        }
        logits.retainAtLeast(-Float.MAX_VALUE);
    }

    /**
     * With g the gap to the largest logit, -ln p is g + ln(sum of weights), and the entropy is the mean of that: the
     * distance is that of g from the mean gap. So it is the same for equal logits, and for no others but by rounding.
     * Returns the sum of weights.
     */
    private double measure(Logits logits) {
        int size = logits.size();
        double max = logits.max();
        double total = 0;
        double gaps = 0;
        for (int i = 0; i < size; i++) {
            double gap = max == logits.get(i) ? 0 : max - logits.get(i);
            distances[i] = gap;
            if (weights[i] > 0) {
                total += weights[i];
                gaps += weights[i] * gap;
            }
        }
        double mean = gaps / total;
        for (int i = 0; i < size; i++) {
            double distance = Math.abs(distances[i] - mean);
            distances[i] = distance == distance ? distance : Double.POSITIVE_INFINITY; // masked
        }
        return total;
    }

    /** Looks for the first candidate at which the running sum of weights is at least, or above, the target. */
    private void find(int size, double target, boolean above) {
        int n = 0;
        for (int i = 0; i < size; i++) {
            active[n] = i;
            n += distances[i] < Double.POSITIVE_INFINITY ? 1 : 0;
        }
        activeCount = n;
        double before = 0;
        while (activeCount > FEW) {
            double nearest = Double.POSITIVE_INFINITY;
            double farthest = 0;
            for (int i = 0; i < activeCount; i++) {
                double distance = distances[active[i]];
                nearest = distance < nearest ? distance : nearest;
                farthest = distance > farthest ? distance : farthest;
            }
            if (nearest == farthest) {
                break;
            }
            before += narrow(target - before, above, nearest, (BUCKETS - 0.5) / (farthest - nearest));
        }
        sortActive();
        int last = 0;
        double sum = before + weights[active[0]];
        while (last < activeCount - 1 && (above ? sum <= target : sum < target)) {
            sum += weights[active[++last]];
        }
        lastDistance = distances[active[last]];
        lastTies = 1;
        while (lastTies <= last && distances[active[last - lastTies]] == lastDistance) {
            lastTies++;
        }
    }

    /** Keeps the bucket in which the sum crosses the target; the nearest and the farthest are never in one bucket. */
    private double narrow(double target, boolean above, double nearest, double scale) {
        Arrays.fill(buckets, 0);
        for (int i = 0; i < activeCount; i++) {
            buckets[bucket(active[i], nearest, scale)] += weights[active[i]];
        }
        double before = 0;
        int crossing = 0;
        while (crossing < BUCKETS - 1
                && (above ? before + buckets[crossing] <= target : before + buckets[crossing] < target)) {
            before += buckets[crossing++];
        }
        int n = 0;
        for (int i = 0; i < activeCount; i++) {
            int candidate = active[i];
            active[n] = candidate;
            n += bucket(candidate, nearest, scale) == crossing ? 1 : 0;
        }
        activeCount = n;
        return before;
    }

    private int bucket(int candidate, double nearest, double scale) {
        return Math.min(BUCKETS - 1, (int) ((distances[candidate] - nearest) * scale));
    }

    /** By rising distance; equal ones stay in ascending order. More than a few active ones are all equal. */
    private void sortActive() {
        if (activeCount > FEW) {
            return;
        }
        for (int i = 1; i < activeCount; i++) {
            int moved = active[i];
            int j = i;
            while (j > 0 && distances[active[j - 1]] > distances[moved]) {
                active[j] = active[--j];
            }
            active[j] = moved;
        }
    }

    private int kept(int size, boolean all) {
        int kept = all ? 0 : lastTies;
        for (int i = 0; i < size; i++) {
            if (all ? distances[i] <= lastDistance : distances[i] < lastDistance) {
                kept++;
            }
        }
        return kept;
    }

    /** Without a branch on the distance, which would be mispredicted too often: by the sign of a difference. */
    private void maskFarther(float[] values, int size) {
        for (int i = 0; i < size; i++) {
            int farther = (int) (Double.doubleToRawLongBits(lastDistance - distances[i]) >> 63);
            int bits = Float.floatToRawIntBits(values[i]) & ~farther | MASKED & farther;
            values[i] = Float.intBitsToFloat(bits);
        }
    }

    private void maskTies(float[] values, int size) {
        int left = lastTies;
        for (int i = 0; i < size; i++) {
            if (distances[i] == lastDistance && left-- <= 0) {
                values[i] = Float.NEGATIVE_INFINITY;
            }
        }
    }

    /** Space for so many candidates, and some more: the next step may have some more. */
    private void ensure(int candidates) {
        if (active.length < candidates) {
            int length = candidates + candidates / 8 + 1;
            weights = new double[length];
            distances = new double[length];
            active = new int[length];
        }
    }
}
