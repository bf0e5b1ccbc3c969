package dev.tempera;

import java.util.Arrays;

/**
 * The candidate next tokens of one sequence with their logits, narrowed and reshaped in place.
 *
 * <p>Starts dense: candidate i is token i. The first {@code retain…} call compacts it to those that are left, in
 * ascending token id, so that nothing later depends on how the narrowing was done. A logit of -inf is a masked token;
 * NaN counts as -inf. Never empty. Not thread-safe; an instance is meant to be reused for every step of a sequence.
 */
public final class Logits {
    private float[] values;
    private int size;
    private int vocabularySize;
    // The logits are the values divided by this, rounded to float. Other than 1 only while there are many candidates:
    // kernels then divide on the way, and those that come to few candidates divide only these.
    private float divisor = 1;
    private boolean dense = true;
    // Ids of the candidates once narrowed; made at the first narrowing and kept for the next step.
    private int[] tokenIds = new int[0];
    private final KthLargest kthLargest = new KthLargest();
    private final Tournament tournament = new Tournament(kthLargest);
    private final DrawWeights drawWeights = new DrawWeights(tournament);
    private final ExpSum expSum = new ExpSum();
    private final NucleusCut nucleus = new NucleusCut(tournament, drawWeights, expSum);
    private final Softmax softmax = new Softmax();

    private Logits(float[] values) {
        this.values = values;
        this.size = values.length;
        this.vocabularySize = values.length;
    }

    /** A copy of the given logits: tests and documentation. */
    public static Logits of(float... logits) {
        return wrap(logits.clone());
    }

    /** The given array itself, which is overwritten. */
    public static Logits wrap(float[] logits) {
        Require.that(logits.length > 0, "logits", "have at least one entry", "none");
        return new Logits(logits);
    }

    /**
     * Candidates that were narrowed elsewhere, for instance on a device. The arrays are overwritten.
     *
     * @param tokenIds ascending, each in [0, vocabularySize)
     * @throws InvalidParametersException if the arrays differ in length, are empty or the ids do not ascend
     */
    public static Logits ofCandidates(int[] tokenIds, float[] logits, int vocabularySize) {
        Require.that(logits.length > 0, "logits", "have at least one entry", "none");
        Require.that(
                tokenIds.length == logits.length,
                "tokenIds",
                "be as many as logits (" + logits.length + ")",
                tokenIds.length);
        for (int i = 0; i < tokenIds.length; i++) {
            int previous = i == 0 ? -1 : tokenIds[i - 1];
            Require.that(
                    tokenIds[i] > previous && tokenIds[i] < vocabularySize,
                    "tokenIds[" + i + "]",
                    "ascend and lie in [0, " + vocabularySize + ")",
                    tokenIds[i]);
        }
        Logits result = new Logits(logits);
        result.tokenIds = tokenIds;
        result.vocabularySize = vocabularySize;
        result.dense = false;
        return result;
    }

    /** Starts anew over another dense array, keeping the scratch space. */
    void reset(float[] logits) {
        values = logits;
        size = logits.length;
        vocabularySize = logits.length;
        divisor = 1;
        dense = true;
    }

    /** These candidates with scratch space of their own. */
    Logits copy() {
        Logits copy = new Logits(Arrays.copyOf(values, size));
        copy.vocabularySize = vocabularySize;
        copy.divisor = divisor;
        copy.dense = dense;
        if (!dense) {
            copy.tokenIds = Arrays.copyOf(tokenIds, size);
        }
        return copy;
    }

    public int vocabularySize() {
        return vocabularySize;
    }

    /** Candidates left, at least 1. */
    public int size() {
        return size;
    }

    /** Whether candidate i is token i. */
    public boolean isDense() {
        return dense;
    }

    /** The token id of candidate i, {@code 0 <= i < size()}. */
    public int tokenId(int i) {
        return dense ? i : tokenIds[i];
    }

    /** The logit of candidate i. */
    public float get(int i) {
        settle();
        return values[i];
    }

    public void set(int i, float logit) {
        settle();
        values[i] = logit;
    }

    /** The logit of a token; -inf when it was narrowed away. O(1) while dense, else O(log size). */
    public float ofToken(int tokenId) {
        settle();
        int i = indexOf(tokenId);
        return i < 0 ? Float.NEGATIVE_INFINITY : values[i];
    }

    /** No effect on a token that was narrowed away. */
    public void setToken(int tokenId, float logit) {
        settle();
        int i = indexOf(tokenId);
        if (i >= 0) {
            values[i] = logit;
        }
    }

    /**
     * The sum of a finite logit and a finite delta is at most the largest float. No effect on a token that was narrowed
     * away.
     */
    public void addToToken(int tokenId, float delta) {
        settle();
        int i = indexOf(tokenId);
        if (i >= 0) {
            float sum = values[i] + delta;
            boolean overflows = Float.isInfinite(sum) && Float.isFinite(values[i]) && Float.isFinite(delta);
            values[i] = overflows ? Math.copySign(Float.MAX_VALUE, sum) : sum;
        }
    }

    /** The token's logit becomes -inf. */
    public void mask(int tokenId) {
        setToken(tokenId, Float.NEGATIVE_INFINITY);
    }

    /** Masks every token but the given ones. {@code allowed} ascends. O(size). */
    public void maskAllExcept(int[] allowed) {
        settle();
        int next = 0;
        for (int i = 0; i < size; i++) {
            int tokenId = tokenId(i);
            while (next < allowed.length && allowed[next] < tokenId) {
                next++;
            }
            if (next == allowed.length || allowed[next] != tokenId) {
                values[i] = Float.NEGATIVE_INFINITY;
            }
        }
    }

    /** Multiplies every logit. */
    public void scale(float factor) {
        settle();
        LogitsKernels.scale(values, size, factor);
    }

    /** Divides every logit. */
    public void divide(float divisor) {
        settle();
        if (isLarge() && divisor >= 0x1p-20f && divisor <= 0x1p20f) {
            this.divisor = divisor;
        } else {
            LogitsKernels.divide(values, size, divisor);
        }
    }

    /** Does the division that was put off. */
    private void settle() {
        if (divisor != 1) {
            LogitsKernels.divide(values, size, divisor);
            divisor = 1;
        }
    }

    /** The largest logit; -inf when all are masked. NaN is passed over. */
    public float max() {
        return isLarge() ? tournament.play(values, size, divisor) : LogitsKernels.max(values, size);
    }

    /** The token id of the largest logit; the lowest id on a tie. */
    public int argmax() {
        settle();
        float max = max();
        if (max == Float.NEGATIVE_INFINITY) {
            throw LogitsKernels.noCandidate(values, size);
        }
        return tokenId(isLarge() ? tournament.firstAt(max) : LogitsKernels.firstAt(values, max));
    }

    /**
     * ln of the sum of e^logit, in double, within 1e-11; the same bits on every JVM.
     *
     * @throws InvalidLogitsException if every logit is NaN or -inf
     */
    public double logSumExp() {
        settle();
        float max = max();
        if (max == Float.NEGATIVE_INFINITY) {
            throw LogitsKernels.noCandidate(values, size);
        }
        return max == Float.POSITIVE_INFINITY ? max : max + StrictMath.log(expSum.of(values, size, max));
    }

    /**
     * The sum of e^(logit - max), at least 1, in double, within 1e-11 of it; the same bits on every JVM. The probability
     * of a candidate is e^(logit - max) over it. If the largest logit is +inf, the number of those that are.
     *
     * @throws InvalidLogitsException if every logit is NaN or -inf
     */
    public double weightSum() {
        float max = largest();
        return max == Float.POSITIVE_INFINITY ? Softmax.countInfinite(values, size) : expSum.of(values, size, max);
    }

    /**
     * {@code -sum p ln p} in nats, within 1e-9; the same bits on every JVM. If the largest logit is +inf, all that are
     * share the probability.
     *
     * @throws InvalidLogitsException if every logit is NaN or -inf
     */
    public double entropy() {
        float max = largest();
        return max == Float.POSITIVE_INFINITY
                ? StrictMath.log(Softmax.countInfinite(values, size))
                : softmax.entropy(values, size, max);
    }

    /**
     * {@code sum p^2}, how likely two draws are the same token, within 1e-10 of itself; the same bits on every JVM. If
     * the largest logit is +inf, all that are share the probability.
     *
     * @throws InvalidLogitsException if every logit is NaN or -inf
     */
    public double collisionProbability() {
        float max = largest();
        return max == Float.POSITIVE_INFINITY
                ? 1.0 / Softmax.countInfinite(values, size)
                : softmax.collisionProbability(values, size, max);
    }

    /**
     * Writes e^(logit - max) of every candidate, in their order: 1 for the largest, 0 for masked ones and those more
     * than 80 below it. Within 1e-13 of itself down to a gap of 10, within 3e-18 beyond; the same bits on every JVM. If
     * the largest logit is +inf, 1 for those that are and 0 for the others. For kernels of processors.
     *
     * @param into at least {@link #size} long
     * @throws InvalidLogitsException if every logit is NaN or -inf
     */
    public void weights(double[] into) {
        softmax.weights(values, size, largest(), into);
    }

    /** Keeps candidates with {@code logit >= threshold}; if that is none, the largest ones. -inf and NaN never stay. */
    public void retainAtLeast(float threshold) {
        if (Float.isNaN(threshold)) { // as in retainTop, nothing is boxed for a message that is not needed
            Require.that(false, "threshold", "be a number", threshold);
        }
        float max = max();
        if (max == Float.NEGATIVE_INFINITY) {
            return; // the draw says what is wrong
        }
        float cut = threshold > max ? max : threshold;
        if (cut == Float.NEGATIVE_INFINITY) {
            cut = -Float.MAX_VALUE;
        }
        if (isLarge()) {
            retainPositions(tournament.positions(), tournament.collect(cut));
        } else {
            compact(cut);
        }
    }

    /**
     * Keeps the k largest logits; with fewer than k above -inf, all of those, and of the masked ones the lowest ids if
     * exactly k are to stay: they count as candidates, in llama.cpp's dynamic temperature for instance.
     *
     * @param k at least 1
     */
    public void retainTop(int k, Ties ties) {
        if (k < 1) {
            Require.that(false, "k", "be at least 1", k);
        }
        if (k >= size) {
            return;
        }
        if (isLarge() && k <= size / 128) {
            tournament.play(values, size, divisor);
            float reached = tournament.reachedBy(k);
            if (reached > Float.NEGATIVE_INFINITY) {
                retainPositions(tournament.positions(), tournament.collectFew(reached));
            }
        }
        settle();
        float kth = kthLargest.of(values, size, k);
        if (kth == Float.NEGATIVE_INFINITY) {
            if (ties == Ties.LOWEST_IDS) {
                dropMaskedBeyond(k);
            }
            return;
        }
        compact(kth);
        if (ties == Ties.LOWEST_IDS && size > k) {
            dropHighestIdsAt(kth, size - k);
        }
    }

    /**
     * Keeps the smallest set of most probable candidates whose probability is at least p, the one that crosses p
     * included: sorted by falling probability, equal ones by rising token id, those whose predecessors weigh less than
     * p. Decided in double. See {@link dev.tempera.processor.TopP}.
     *
     * @param minKeep candidates that stay whatever p says, at least 1
     */
    public void retainMass(double p, int minKeep) {
        nucleus.apply(this, values, size, divisor, p, minKeep);
    }

    /** Keeps the candidates that a test accepts. If it accepts none, the set is left as it was. */
    public void retainIf(CandidatePredicate keep) {
        settle();
        int kept = 0;
        for (int i = 0; i < size; i++) {
            if (keep.test(tokenId(i), values[i])) {
                kept++;
            }
        }
        if (kept == 0) {
            return;
        }
        ensureTokenIds();
        int n = 0;
        for (int i = 0; i < size; i++) {
            int tokenId = tokenId(i);
            if (keep.test(tokenId, values[i])) {
                tokenIds[n] = tokenId;
                values[n++] = values[i];
            }
        }
        narrowed(n);
    }

    /**
     * The token at which the running sum of weights over ascending ids first exceeds {@code u} times their total. The
     * weight of a candidate is e^(logit - max) within 2e-7 plus 6e-8 of the gap, computed by additions and
     * multiplications only, in a fixed order, so that equal logits give the same token on every JVM. Weights below
     * 2<sup>-64</sup> are 0. If the largest logit is +inf, all that are share the draw.
     *
     * @param u in [0, 1)
     * @throws InvalidLogitsException if every logit is NaN or -inf
     */
    public int draw(double u) {
        float max = max();
        if (max == Float.NEGATIVE_INFINITY) {
            throw LogitsKernels.noCandidate(values, size);
        }
        if (max == Float.POSITIVE_INFINITY) {
            settle();
            return tokenId(DrawWeights.drawInfinite(values, size, u));
        }
        return tokenId(drawWeights.draw(values, size, divisor, max, u, isLarge()));
    }

    /**
     * The live array; the first {@link #size} entries are valid. For kernels of processors. To be asked for again after
     * another method has changed the logits: a division may be put off until somebody looks.
     */
    public float[] values() {
        settle();
        return values;
    }

    /** Accepts or refuses a candidate. */
    @FunctionalInterface
    public interface CandidatePredicate {
        boolean test(int tokenId, float logit);
    }

    /** Keeps the candidates at these ascending positions. */
    void retainPositions(int[] positions, int count) {
        ensureTokenIds();
        for (int n = 0; n < count; n++) {
            int i = positions[n];
            tokenIds[n] = tokenId(i);
            values[n] = values[i] / divisor;
        }
        divisor = 1;
        narrowed(count);
    }

    /** Keeps candidates at these ascending positions, whose logits are given. */
    void retainPositions(int[] positions, float[] logits, int count) {
        ensureTokenIds();
        if (dense) {
            System.arraycopy(positions, 0, tokenIds, 0, count);
        } else {
            for (int n = 0; n < count; n++) {
                tokenIds[n] = tokenIds[positions[n]];
            }
        }
        System.arraycopy(logits, 0, values, 0, count);
        divisor = 1;
        narrowed(count);
    }

    private float largest() {
        settle();
        float max = max();
        if (max == Float.NEGATIVE_INFINITY) {
            throw LogitsKernels.noCandidate(values, size);
        }
        return max;
    }

    private boolean isLarge() {
        return size >= Tournament.WORTHWHILE;
    }

    private void compact(float threshold) {
        ensureTokenIds();
        int n = dense
                ? LogitsKernels.compactDense(values, size, threshold, tokenIds)
                : LogitsKernels.compact(values, tokenIds, size, threshold);
        if (n > 0) {
            narrowed(n);
        }
    }

    private void dropMaskedBeyond(int k) {
        int masked = k;
        for (int i = 0; i < size; i++) {
            if (values[i] > Float.NEGATIVE_INFINITY) {
                masked--;
            }
        }
        ensureTokenIds();
        int n = 0;
        for (int i = 0; i < size; i++) {
            if (values[i] > Float.NEGATIVE_INFINITY || masked-- > 0) {
                tokenIds[n] = tokenId(i);
                values[n++] = values[i];
            }
        }
        narrowed(n);
    }

    private void dropHighestIdsAt(float logit, int excess) {
        int toDrop = excess;
        int keepUpTo = size;
        // Walk down from the highest id to find where the last dropped tie stands.
        while (toDrop > 0) {
            keepUpTo--;
            if (values[keepUpTo] == logit) {
                toDrop--;
            }
        }
        int n = keepUpTo;
        for (int i = keepUpTo; i < size; i++) {
            if (values[i] != logit) {
                tokenIds[n] = tokenIds[i];
                values[n++] = values[i];
            }
        }
        narrowed(n);
    }

    private void narrowed(int newSize) {
        size = newSize;
        dense = false;
    }

    private void ensureTokenIds() {
        if (tokenIds.length < size) {
            tokenIds = new int[size];
        }
    }

    private int indexOf(int tokenId) {
        if (dense) {
            return tokenId >= 0 && tokenId < size ? tokenId : -1;
        }
        return Arrays.binarySearch(tokenIds, 0, size, tokenId);
    }

    @Override
    public String toString() {
        return "Logits[" + size + " of " + vocabularySize + "]";
    }
}
