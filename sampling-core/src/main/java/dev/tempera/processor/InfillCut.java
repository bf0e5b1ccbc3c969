package dev.tempera.processor;

import dev.tempera.Logits;
import dev.tempera.Ties;
import dev.tempera.Vocabulary;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Runs {@link Infill} on one sequence. Not thread-safe. */
final class InfillCut {
    private static final int MOST = 1000;
    private static final double LIKELY = 0.2;

    private final Vocabulary vocabulary;
    private final int[] stopTokenIds;
    private final byte[] @Nullable [] bytes; // of tokens that were candidates
    // By falling probability: positions of candidates, what they stand for, and whether for nothing.
    private final long[] order = new long[MOST];
    private final int[] positions = new int[MOST];
    private final double[] p = new double[MOST];
    private final boolean[] stops = new boolean[MOST];

    InfillCut(Vocabulary vocabulary, int[] stopTokenIds) {
        this.vocabulary = vocabulary;
        this.stopTokenIds = stopTokenIds;
        Arrays.sort(stopTokenIds);
        bytes = new byte[vocabulary.rows()][];
    }

    void apply(Logits logits) {
        float max = logits.max();
        if (!(max > Float.NEGATIVE_INFINITY && max < Float.POSITIVE_INFINITY)) {
            logits.retainAtLeast(max);
            return;
        }
        double sum = logits.weightSum();
        if (mayStop(logits, max, sum)) {
            keepStops(logits);
            return;
        }
        logits.retainTop(MOST, Ties.LOWEST_IDS);
        logits.retainAtLeast(-Float.MAX_VALUE); // with fewer above -inf, all were left
        sort(logits, max, sum);
        merge(logits);
        select(logits);
    }

    private boolean mayStop(Logits logits, float max, double sum) {
        int alive = 0;
        for (int i = 0; i < logits.size(); i++) {
            alive += logits.get(i) > Float.NEGATIVE_INFINITY ? 1 : 0;
        }
        double stop = 0;
        for (int tokenId : stopTokenIds) {
            float logit = logits.ofToken(tokenId);
            stop += logit > Float.NEGATIVE_INFINITY ? StrictMath.exp((double) logit - max) : 0;
        }
        return 3 * stop * alive > sum - stop;
    }

    private void keepStops(Logits logits) {
        for (int i = 0; i < logits.size(); i++) {
            if (!isStop(logits.tokenId(i))) {
                logits.set(i, Float.NEGATIVE_INFINITY);
            }
        }
        logits.retainAtLeast(-Float.MAX_VALUE);
    }

    private boolean isStop(int tokenId) {
        return Arrays.binarySearch(stopTokenIds, tokenId) >= 0;
    }

    /** Equal logits by rising id. */
    private void sort(Logits logits, float max, double sum) {
        int n = logits.size();
        for (int i = 0; i < n; i++) {
            int bits = Float.floatToRawIntBits(logits.get(i) + 0f);
            order[i] = (long) ~(bits ^ (bits >> 31 & 0x7fffffff)) << Integer.SIZE | i;
        }
        Arrays.sort(order, 0, n);
        for (int rank = 0; rank < n; rank++) {
            int position = (int) order[rank];
            positions[rank] = position;
            p[rank] = StrictMath.exp((double) logits.get(position) - max) / sum;
            stops[rank] = isStop(logits.tokenId(position));
        }
    }

    /** Who stands for nothing any more is masked. */
    private void merge(Logits logits) {
        int n = logits.size();
        for (int one = 0; one < n; one++) {
            for (int other = 0; other < n && isLeft(logits, one); other++) {
                if (other != one && isLeft(logits, other) && begins(bytes(logits, one), bytes(logits, other))) {
                    boolean intoOther = p[other] > p[one];
                    int into = intoOther ? other : one;
                    int from = intoOther ? one : other;
                    p[into] += p[from];
                    p[from] = 0;
                    logits.set(positions[from], Float.NEGATIVE_INFINITY);
                }
            }
        }
    }

    private boolean isLeft(Logits logits, int rank) {
        return logits.get(positions[rank]) > Float.NEGATIVE_INFINITY;
    }

    private static boolean begins(byte[] start, byte[] text) {
        return start.length > 0
                && start.length <= text.length
                && Arrays.equals(start, 0, start.length, text, 0, start.length);
    }

    private byte[] bytes(Logits logits, int rank) {
        int tokenId = logits.tokenId(positions[rank]);
        byte[] known = bytes[tokenId];
        if (known == null) {
            known = vocabulary.isToken(tokenId) ? vocabulary.bytes(tokenId) : new byte[0];
            bytes[tokenId] = known;
        }
        return known;
    }

    private void select(Logits logits) {
        int n = logits.size();
        int likely = 0;
        int likeliest = 0;
        boolean anyStop = false;
        double kept = 0;
        for (int rank = 0; rank < n; rank++) {
            if (p[rank] > p[likeliest]) {
                likeliest = rank;
            }
            if (stops[rank] || p[rank] >= LIKELY) {
                kept += p[rank];
                likely += stops[rank] ? 0 : 1;
                anyStop |= stops[rank] && isLeft(logits, rank);
            }
        }
        double least = likely == 0 ? Double.POSITIVE_INFINITY : Math.max(LIKELY, kept / (likely + 1));
        for (int rank = 0; rank < n; rank++) {
            boolean stays = stops[rank] || p[rank] >= least || likely == 0 && !anyStop && rank == likeliest;
            if (!stays) {
                logits.set(positions[rank], Float.NEGATIVE_INFINITY);
            }
        }
        logits.retainAtLeast(-Float.MAX_VALUE);
    }
}
