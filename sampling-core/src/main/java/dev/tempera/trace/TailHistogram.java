package dev.tempera.trace;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;

/** Puts the tokens that are not listed one by one into buckets of like gaps. */
final class TailHistogram {
    /*
     * Within a bucket of width w the bounds of the sum of e^(-gap/T) differ by about (w/T)^2/8 of it: 0.2 % at T = 1.
     * Far tokens weigh little, so wider buckets do.
     */
    private static final double WIDTH = 0.125;
    private static final double NEAR = 16;
    private static final double FAR = 64;

    private TailHistogram() {}

    static List<TailBucket> of(Distribution given, Set<Integer> known) {
        TreeMap<Integer, Growing> buckets = new TreeMap<>();
        for (int id = 0; id < given.rows(); id++) {
            // What is infinitely far below +inf weighs nothing.
            if (given.has(id) && !known.contains(id) && given.gap(id) < Double.POSITIVE_INFINITY) {
                double gap = given.gap(id);
                buckets.computeIfAbsent(index(gap), i -> new Growing()).add(gap);
            }
        }
        List<TailBucket> result = new ArrayList<>();
        buckets.values().forEach(bucket -> result.add(bucket.done()));
        return result;
    }

    private static int index(double gap) {
        if (gap < NEAR) {
            return (int) (gap / WIDTH);
        }
        int near = (int) (NEAR / WIDTH);
        return gap < FAR ? near + (int) (gap - NEAR) : near + (int) (FAR - NEAR);
    }

    private static final class Growing {
        private double from = Double.POSITIVE_INFINITY;
        private double to;
        private double sum;
        private int count;

        void add(double gap) {
            from = Math.min(from, gap);
            to = Math.max(to, gap);
            sum += gap;
            count++;
        }

        TailBucket done() {
            return new TailBucket(from, to, count, Math.max(from, Math.min(to, sum / count)));
        }
    }
}
