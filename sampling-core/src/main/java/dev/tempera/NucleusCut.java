package dev.tempera;

import java.util.Arrays;

/**
 * Finds the nucleus of {@link Logits#retainMass}: which candidates weigh p together, taken by falling probability.
 * Not thread-safe; the scratch space grows with the candidates.
 *
 * <p>Sorted by (logit falling, position rising), candidate j stays iff the weights before it sum to less than p times
 * the total. Weights are {@code StrictMath.exp(logit - max)}, sums in double over that order.
 */
final class NucleusCut {
    /*
     * Sorting a vocabulary costs milliseconds, and so does Math.exp over it. Neither is needed to know the nucleus:
     *
     * 1. Take candidates from the top, all the logits above some threshold, and the mass of the others as an interval.
     * 2. Search the boundary among the candidates by histograms of their weights over their logits: only the bucket in
     *    which the mass crosses p is looked at more closely, until it holds a few candidates, which are sorted, or many
     *    equal logits, of which as many stay as it takes.
     * 3. The boundary is certain if it would be the same for every mass in the interval and every error of the weights.
     *    With b the mass before a candidate and r that of it and all after, "b < p (b + r)" is "(1 - p) b < p r": errors
     *    of the weights then count p (1 - p)-fold, and not p-fold, since those before are not compared with themselves.
     *
     * What is tried, each only if the one before did not settle it:
     *   head   all within 20 of the maximum, if these are few; the others weigh at most their number times e^-20
     *   whole  float weights of all (DrawWeights), within 4e-7 or so; which candidates to take is estimated from every
     *          61st logit
     *   exact  the total in double within 1e-11 (ExpSum)
     *   sort   the definition itself: for masses equal to p but for rounding
     *
     * The idea of certifying a head instead of sorting everything is common to the fast samplers (llama.cpp's partial
     * sort, Qrita, arXiv 2602.01518); that the cut is then proven to be the exact one is not.
     */
    private static final double HEAD = 20;
    /** Errors of Math.exp, ExpSum and sums of up to some million doubles. */
    private static final double DOUBLE_ERROR = 2 * ExpSum.ERROR;

    private static final int BUCKETS = 256;
    private static final int FEW = 32;
    private static final int STRIDE = 61;

    private final Tournament tournament;
    private final DrawWeights drawWeights;
    private final ExpSum expSum;
    private final double[] buckets = new double[BUCKETS];

    // The candidates: positions, ascending, with their logits and weights.
    private int[] positions = new int[0];
    private float[] logits = new float[0];
    private double[] weights = new double[0];
    private int count;
    // Those in the bucket that the boundary is in, as indices of candidates.
    private int[] active = new int[0];
    private byte[] bucketOf = new byte[0];
    private int activeCount;
    private boolean anyBelow; // whether candidates below the active ones are left
    private float[] sample = new float[0];
    // The boundary: all above this logit stay, and so many of those at it.
    private float cutLogit;
    private int cutTies;

    NucleusCut(Tournament tournament, DrawWeights drawWeights, ExpSum expSum) {
        this.tournament = tournament;
        this.drawWeights = drawWeights;
        this.expSum = expSum;
    }

    void apply(Logits logits, double p, int minKeep) {
        float[] values = logits.values();
        int size = logits.size();
        boolean many = size >= Tournament.WORTHWHILE;
        float max = many ? tournament.play(values, size) : LogitsKernels.max(values, size);
        if (max == Float.NEGATIVE_INFINITY || p >= 1) {
            return;
        }
        boolean settled = p > 0
                && max < Float.POSITIVE_INFINITY
                && (many
                        ? head(values, size, max, p) || whole(values, size, max, p) || exact(values, size, max, p)
                        : few(values, size, max, p));
        if (settled) {
            keep(logits, minKeep);
        } else {
            sort(logits, values, size, max, p, minKeep);
        }
    }

    private boolean few(float[] values, int size, float max, double p) {
        ensure(size);
        ensurePositions(size);
        int n = 0;
        for (int i = 0; i < size; i++) {
            if (values[i] > Float.NEGATIVE_INFINITY) {
                positions[n++] = i;
            }
        }
        count = n;
        return settle(p, weighExactly(values, max), 0, 0, DOUBLE_ERROR, false);
    }

    private boolean head(float[] values, int size, float max, double p) {
        float threshold = (float) (max - HEAD);
        if (threshold == max || !tournament.isRare(threshold, size / 64)) {
            return false;
        }
        collect(threshold);
        double mass = weighExactly(values, max);
        double others = (size - count) * Math.exp((double) threshold - max);
        return settle(p, mass, 0, others, DOUBLE_ERROR, count < size);
    }

    private boolean whole(float[] values, int size, float max, double p) {
        double total = drawWeights.total(values, size, max);
        float threshold = estimate(values, size, max, 0.8 * (1 - p) * total);
        double mass = weighRoughly(values, max, threshold);
        if (mass < p * total) {
            threshold = estimate(values, size, max, 0.2 * (1 - p) * total);
            mass = weighRoughly(values, max, threshold);
        }
        double others = Math.max(0, total - mass);
        // The mean gap of n candidates that weigh m is their entropy minus ln m, so at most ln n - ln m.
        double meanGap = Math.max((double) max - threshold, Math.log(size / ((1 - p) * total)));
        double error = DrawWeights.WEIGHT_ERROR + DrawWeights.GAP_ERROR * meanGap;
        double sumError = DrawWeights.SUM_ERROR * total;
        double least = Math.max(0, others * (1 - error) - sumError);
        return settle(p, mass, least, others * (1 + error) + sumError, error, count < size);
    }

    /** Takes the candidates at or above the threshold with their float weights; returns what they weigh. */
    private double weighRoughly(float[] values, float max, float threshold) {
        count = tournament.collectMany(threshold);
        ensure(count);
        positions = tournament.positions();
        float[] x = sample(count);
        for (int i = 0; i < count; i++) {
            logits[i] = values[positions[i]];
        }
        DeterministicExp.weights(logits, 0, count, max, x);
        // Two sums: one would wait for itself.
        double even = 0;
        double odd = 0;
        for (int i = 0; i + 1 < count; i += 2) {
            weights[i] = x[i];
            weights[i + 1] = x[i + 1];
            even += x[i];
            odd += x[i + 1];
        }
        if (count % 2 == 1) {
            weights[count - 1] = x[count - 1];
            even += x[count - 1];
        }
        return even + odd;
    }

    /** With the candidates that {@link #whole} took; all of them if it took none or too few. */
    private boolean exact(float[] values, int size, float max, double p) {
        double total = expSum.of(values, size, max);
        for (int attempt = 0; ; attempt++) {
            double mass = weighExactly(values, max);
            double slack = DOUBLE_ERROR * total;
            boolean more = mass < total - slack;
            double others = more ? total - mass : 0;
            if (settle(p, mass, Math.max(0, others - slack), others + slack, DOUBLE_ERROR, more)) {
                return true;
            }
            if (attempt == 1 || mass > p * total + slack) {
                return false;
            }
            collect(-Float.MAX_VALUE);
        }
    }

    private void collect(float threshold) {
        count = tournament.collect(threshold);
        ensure(count);
        positions = tournament.positions();
    }

    private double weighExactly(float[] values, float max) {
        double mass = 0;
        for (int i = 0; i < count; i++) {
            float value = values[positions[i]];
            logits[i] = value;
            weights[i] = Math.exp((double) value - max);
            mass += weights[i];
        }
        return mass;
    }

    /** A threshold below which about the given mass lies, going by every 61st logit. */
    private float estimate(float[] values, int size, float max, double massBelow) {
        int n = size / STRIDE;
        float[] x = sample(2 * n);
        for (int i = 0; i < n; i++) {
            x[n + i] = values[i * STRIDE];
        }
        DeterministicExp.weights(x, n, 2 * n, max, x);
        // Four buckets for each factor of e.
        Arrays.fill(buckets, 0);
        for (int i = 0; i < n; i++) {
            double gap = (double) max - values[i * STRIDE];
            if (gap < BUCKETS / 4) {
                buckets[(int) (4 * gap)] += x[n + i];
            }
        }
        double allowed = massBelow / STRIDE;
        int bucket = BUCKETS;
        double below = 0;
        while (bucket > 1 && below + buckets[bucket - 1] <= allowed) {
            below += buckets[--bucket];
        }
        return max - bucket * 0.25f;
    }

    /**
     * Looks for the boundary among the candidates, which weigh {@code mass}, when the others weigh something in [othersLow, othersHigh] and
     * weights and sums are right within the given relative error. Returns whether it is certain.
     *
     * @param others whether there are any others
     */
    private boolean settle(double p, double mass, double othersLow, double othersHigh, double error, boolean others) {
        double target = p * (mass + (othersLow + othersHigh) / 2);
        double before = narrow(target);
        sortActive();
        int kept = 0;
        double beforeLast = 0;
        while (kept < activeCount && before < target) {
            beforeLast = before;
            before += weights[active[kept++]];
        }
        if (kept == 0) { // no mass, or no boundary that could be narrowed down to
            return false;
        }
        rememberCut(kept);
        boolean last = kept == activeCount && !anyBelow && !others;
        boolean stays = (1 - p) * beforeLast * (1 + error) < p * ((mass - beforeLast) * (1 - error) + othersLow);
        boolean goes = (1 - p) * before * (1 - error) > p * ((mass - before) * (1 + error) + othersHigh);
        return stays && (last || goes);
    }

    /** Narrows the active candidates to a bucket around the one that crosses the target; returns the mass above it. */
    private double narrow(double target) {
        activeCount = count;
        anyBelow = false;
        for (int i = 0; i < count; i++) {
            active[i] = i;
        }
        double before = 0;
        while (activeCount > FEW) {
            float highest = Float.NEGATIVE_INFINITY;
            float lowest = Float.POSITIVE_INFINITY;
            for (int i = 0; i < activeCount; i++) {
                float logit = logits[active[i]];
                highest = logit > highest ? logit : highest;
                lowest = logit < lowest ? logit : lowest;
            }
            if (lowest == highest) {
                break;
            }
            float scale = (BUCKETS - 0.5f) / (highest - lowest);
            if (!(scale > 0 && scale < Float.POSITIVE_INFINITY)) {
                return Double.NaN; // further or closer apart than float can divide
            }
            before += narrowOnce(target - before, highest, scale);
        }
        return before;
    }

    /** Keeps the bucket in which the mass crosses the target; the lowest and the highest are never in one bucket. */
    private double narrowOnce(double target, float highest, float scale) {
        Arrays.fill(buckets, 0);
        for (int i = 0; i < activeCount; i++) {
            int candidate = active[i];
            int bucket = (int) ((highest - logits[candidate]) * scale);
            bucketOf[i] = (byte) bucket;
            buckets[bucket] += weights[candidate];
        }
        double before = 0;
        int crossing = 0;
        while (crossing < BUCKETS - 1 && before + buckets[crossing] < target) {
            before += buckets[crossing++];
        }
        anyBelow |= crossing < BUCKETS - 1;
        int n = 0;
        for (int i = 0; i < activeCount; i++) {
            if (bucketOf[i] == (byte) crossing) {
                active[n++] = active[i];
            }
        }
        activeCount = n;
        return before;
    }

    /** By falling logit; equal ones stay in ascending order. More than a few active ones are all equal. */
    private void sortActive() {
        if (activeCount > FEW) {
            return;
        }
        for (int i = 1; i < activeCount; i++) {
            int moved = active[i];
            int j = i;
            while (j > 0 && logits[active[j - 1]] < logits[moved]) {
                active[j] = active[--j];
            }
            active[j] = moved;
        }
    }

    private void rememberCut(int kept) {
        cutLogit = logits[active[kept - 1]];
        cutTies = 0;
        for (int i = 0; i < kept; i++) {
            if (logits[active[i]] == cutLogit) {
                cutTies++;
            }
        }
    }

    private void keep(Logits from, int minKeep) {
        // Those below the cut go; and, of those at it, all but the first. No branch on a logit: see Tournament.
        float cut = cutLogit == 0 ? -0f : cutLogit;
        int n = 0;
        for (int i = 0; i < count; i++) {
            positions[n] = positions[i];
            logits[n] = logits[i];
            n += ~Float.floatToRawIntBits(logits[i] - cut) >>> 31;
        }
        int ties = 0;
        for (int i = 0; i < n; i++) {
            ties += logits[i] == cutLogit ? 1 : 0;
        }
        if (ties > cutTies) {
            n = dropTies(n);
        }
        if (n < minKeep) {
            from.retainTop(minKeep, Ties.LOWEST_IDS);
        } else {
            from.retainPositions(positions, n);
        }
    }

    private int dropTies(int size) {
        int ties = cutTies;
        int n = 0;
        for (int i = 0; i < size; i++) {
            if (logits[i] > cutLogit || ties-- > 0) {
                positions[n++] = positions[i];
            }
        }
        return n;
    }

    /** The definition. */
    private void sort(Logits from, float[] values, int size, float max, double p, int minKeep) {
        ensurePositions(size);
        long[] keys = new long[size];
        int n = 0;
        for (int i = 0; i < size; i++) {
            if (values[i] > Float.NEGATIVE_INFINITY) {
                keys[n++] = (long) ~ascendingBits(values[i]) << 32 | i;
            }
        }
        Arrays.sort(keys, 0, n);
        double total = 0;
        for (int j = n - 1; j >= 0; j--) {
            total += weight(values[(int) keys[j]], max);
        }
        double before = 0;
        int kept = 0;
        while (kept < n && (kept < minKeep || before < p * total)) {
            before += weight(values[(int) keys[kept]], max);
            positions[kept] = (int) keys[kept];
            kept++;
        }
        Arrays.sort(positions, 0, kept);
        from.retainPositions(positions, kept);
    }

    private static double weight(float value, float max) {
        return value == max ? 1 : StrictMath.exp((double) value - max);
    }

    /** Bits that ascend, as signed integers, with the float; both zeros are one. */
    private static int ascendingBits(float value) {
        int bits = Float.floatToRawIntBits(value + 0f);
        return bits ^ (bits >> 31 & 0x7fffffff);
    }

    /** Space for so many candidates, and some more: the next step may have some more. */
    private void ensure(int candidates) {
        if (active.length < candidates) {
            int length = candidates + candidates / 2;
            logits = new float[length];
            weights = new double[length];
            active = new int[length];
            bucketOf = new byte[length];
        }
    }

    private void ensurePositions(int size) {
        if (positions.length < size) {
            positions = new int[size];
        }
    }

    private float[] sample(int size) {
        if (sample.length < size) {
            sample = new float[size + size / 2];
        }
        return sample;
    }
}
