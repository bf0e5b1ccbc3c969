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
     *   head   about a hundred from the top; a bound of what the others weigh from the largest of each group of 16
     *   whole  float weights of all (DrawWeights), within 4e-7 or so; which candidates to take is read off the largest of
     *          each group if these weigh enough, else estimated from every 61st logit
     *   exact  the total in double within 1e-11 (ExpSum)
     *   sort   the definition itself: for masses equal to p but for rounding
     *
     * The idea of certifying a head instead of sorting everything is common to the fast samplers (llama.cpp's partial
     * sort, Qrita, arXiv 2602.01518); that the cut is then proven to be the exact one is not.
     */
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
    private float divisor = 1;
    private double headMass; // what the candidates of the first attempt weigh
    // Those in the bucket that the boundary is in, as indices of candidates.
    private int[] everyone = new int[0]; // 0, 1, 2, …
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

    /**
     * Narrows the logits, which are the first {@code size} values divided by {@code divisor}.
     *
     * @param minKeep as in {@link Logits#retainMass}
     */
    void apply(Logits logits, float[] values, int size, float divisor, double p, int minKeep) {
        this.divisor = divisor;
        count = 0;
        headMass = 0;
        boolean many = size >= Tournament.WORTHWHILE;
        float max = many ? tournament.play(values, size, divisor) : LogitsKernels.max(values, size);
        if (max == Float.NEGATIVE_INFINITY || p >= 1) {
            return;
        }
        boolean settled = p > 0
                && max < Float.POSITIVE_INFINITY
                && (many
                        ? head(values, max, p) || whole(values, size, max, p) || exact(logits, max, p)
                        : few(values, size, max, p));
        if (settled) {
            keep(logits, minKeep);
        } else {
            sort(logits, max, p, minKeep);
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
        return settle(p, weighExactly(values, max), 0, 0, 0, false);
    }

    private boolean head(float[] values, float max, double p) {
        if (!tournament.isPeaked(max)) {
            return false;
        }
        double others = tournament.chooseHead(max);
        if (others == Double.POSITIVE_INFINITY) {
            return false;
        }
        take(tournament.collectFew(tournament.headThreshold()));
        headMass = weighExactly(values, max);
        return settle(p, headMass, 0, others, 0, true);
    }

    private boolean whole(float[] values, int size, float max, double p) {
        double total = drawWeights.total(values, size, divisor, max);
        double rounding = DrawWeights.SUM_ERROR * total + size * 0x1p-63;
        // The mean gap of n candidates that weigh m is their entropy minus ln m, so at most ln n - ln m.
        double error = DrawWeights.WEIGHT_ERROR + DrawWeights.GAP_ERROR * Math.log(size / total);
        double slack = error * total + rounding;
        if (headMass > p * total + slack) {
            double others = total - headMass;
            return settle(p, headMass, Math.max(0, others - slack), others + slack, 0, true);
        }
        float threshold = tournament.thresholdOfMass(1.0001 * p * total, max);
        double mass = threshold > Float.NEGATIVE_INFINITY ? weighRoughly(values, max, threshold) : 0;
        for (double below = 0.8; mass < p * total && below > 0.01; below /= 8) {
            threshold = estimate(values, size, max, below * (1 - p) * total);
            mass = weighRoughly(values, max, threshold);
        }
        double others = Math.max(0, total - mass);
        double meanGap = Math.max((double) max - threshold, Math.log(size / ((1 - p) * total)));
        error = DrawWeights.WEIGHT_ERROR + DrawWeights.GAP_ERROR * meanGap;
        double least = Math.max(0, others * (1 - error) - rounding);
        return settle(p, mass, least, others * (1 + error) + rounding, error, count < size);
    }

    /** Takes the candidates at or above the threshold with their float weights; returns what they weigh. */
    private double weighRoughly(float[] values, float max, float threshold) {
        take(tournament.collect(threshold));
        float[] x = sample(count);
        readLogits(values);
        DeterministicExp.weights(logits, 0, count, 1, max, x);
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

    /** With the candidates that were taken last; all of them if these are too few. */
    private boolean exact(Logits from, float max, double p) {
        float[] values = from.values(); // divided by now
        int size = from.size();
        divisor = 1;
        double total = expSum.of(values, size, max);
        double slack = ExpSum.ERROR * total;
        double mass = weighExactly(values, max);
        if (mass <= p * total + slack) {
            tournament.play(values, size, divisor);
            take(tournament.collect(-Float.MAX_VALUE));
            mass = weighExactly(values, max);
        }
        double others = total - mass;
        return settle(p, mass, Math.max(0, others - slack), others + slack, 0, count < size);
    }

    /** Makes candidates of the positions that the tournament has just collected. */
    private void take(int collected) {
        count = collected;
        ensure(count);
        positions = tournament.positions();
    }

    private double weighExactly(float[] values, float max) {
        readLogits(values);
        return expSum.of(logits, count, max, weights);
    }

    private void readLogits(float[] values) {
        for (int i = 0; i < count; i++) {
            logits[i] = values[positions[i]];
        }
        if (divisor != 1) {
            LogitsKernels.divide(logits, count, divisor);
        }
    }

    /** A threshold below which about the given mass lies, going by every 61st logit. */
    private float estimate(float[] values, int size, float max, double massBelow) {
        int n = size / STRIDE;
        float[] x = sample(2 * n);
        for (int i = 0; i < n; i++) {
            x[i] = values[i * STRIDE] / divisor;
            x[n + i] = x[i];
        }
        DeterministicExp.weights(x, n, 2 * n, 1, max, x);
        // Four buckets for each factor of e.
        Arrays.fill(buckets, 0);
        for (int i = 0; i < n; i++) {
            double gap = (double) max - x[i];
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
     * Looks for the boundary among the candidates, which weigh {@code mass}, when the others weigh something in
     * [othersLow, othersHigh]. Returns whether it is certain.
     *
     * @param error of the weights, relatively, beside that of double
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
        // A weight of ExpSum is within 3e-18, see there; a sum of n doubles within n 2^-53 of itself.
        double rounding = (1e-12 + 0x1p-51 * count) * (mass + othersHigh);
        boolean stays =
                (1 - p) * beforeLast * (1 + error) + rounding < p * ((mass - beforeLast) * (1 - error) + othersLow);
        boolean goes = (1 - p) * before * (1 - error) - rounding > p * ((mass - before) * (1 + error) + othersHigh);
        return stays && (last || goes);
    }

    /** Narrows the candidates to a bucket around the one that crosses the target; returns the mass above it. */
    private double narrow(double target) {
        activeCount = count;
        anyBelow = false;
        if (count <= FEW) {
            System.arraycopy(everyone, 0, active, 0, count);
            return 0;
        }
        int[] from = everyone;
        double before = 0;
        while (activeCount > FEW) {
            float highest = Float.NEGATIVE_INFINITY;
            float lowest = Float.POSITIVE_INFINITY;
            for (int i = 0; i < activeCount; i++) {
                float logit = logits[from[i]];
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
            before += narrowOnce(from, target - before, highest, scale);
            from = active;
        }
        if (from == everyone) {
            System.arraycopy(everyone, 0, active, 0, count);
        }
        return before;
    }

    /** Keeps the bucket in which the mass crosses the target; the lowest and the highest are never in one bucket. */
    private double narrowOnce(int[] from, double target, float highest, float scale) {
        Arrays.fill(buckets, 0);
        for (int i = 0; i < activeCount; i++) {
            int candidate = from[i];
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
                active[n++] = from[i];
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
            from.retainPositions(positions, logits, n);
        }
    }

    private int dropTies(int size) {
        int ties = cutTies;
        int n = 0;
        for (int i = 0; i < size; i++) {
            if (logits[i] > cutLogit || ties-- > 0) {
                positions[n] = positions[i];
                logits[n++] = logits[i];
            }
        }
        return n;
    }

    /** The definition. */
    private void sort(Logits from, float max, double p, int minKeep) {
        float[] values = from.values();
        int size = from.size();
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
            everyone = new int[length];
            for (int i = 0; i < length; i++) {
                everyone[i] = i;
            }
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
