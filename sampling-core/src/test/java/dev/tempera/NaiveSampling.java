package dev.tempera;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * What the kernels compute, written as their Javadoc says it: boxed lists, full sorts, {@link StrictMath} in double,
 * one candidate at a time. The oracle of the tests. It shares only {@link DeterministicExp#exp} with the fast path.
 */
final class NaiveSampling {
    /** A token with its logit. */
    record Candidate(int tokenId, float logit) {}

    private List<Candidate> candidates = new ArrayList<>();

    NaiveSampling(float[] logits) {
        for (int id = 0; id < logits.length; id++) {
            candidates.add(new Candidate(id, logits[id]));
        }
    }

    List<Candidate> candidates() {
        return candidates;
    }

    /** The ids of what may still be drawn: candidates above -inf. */
    List<Integer> alive() {
        return candidates.stream()
                .filter(c -> c.logit > Float.NEGATIVE_INFINITY)
                .map(Candidate::tokenId)
                .toList();
    }

    void temperature(double value) {
        replaceAll((id, logit) -> logit / (float) value);
    }

    void repetitionPenalty(List<Integer> history, double penalty, int window) {
        List<Integer> seen = last(history, window);
        replaceAll((id, logit) -> !seen.contains(id)
                ? logit
                : stillFinite(logit, logit > 0 ? logit / (float) penalty : logit * (float) penalty));
    }

    private static float stillFinite(float logit, float penalised) {
        return Float.isInfinite(logit) ? logit : Math.max(-Float.MAX_VALUE, Math.min(Float.MAX_VALUE, penalised));
    }

    void frequencyPenalty(List<Integer> history, double penalty, int window) {
        Map<Integer, Integer> counts = new TreeMap<>();
        last(history, window).forEach(id -> counts.merge(id, 1, Integer::sum));
        replaceAll((id, logit) ->
                counts.containsKey(id) ? stillFinite(logit, logit + (float) -(counts.get(id) * penalty)) : logit);
    }

    void presencePenalty(List<Integer> history, double penalty, int window) {
        List<Integer> seen = last(history, window);
        replaceAll((id, logit) -> seen.contains(id) ? logit + (float) -penalty : logit);
    }

    void logitBias(Map<Integer, Double> biases) {
        replaceAll(
                (id, logit) -> biases.containsKey(id) ? logit + biases.get(id).floatValue() : logit);
    }

    void allow(List<Integer> tokenIds) {
        replaceAll((id, logit) -> tokenIds.contains(id) ? logit : Float.NEGATIVE_INFINITY);
    }

    void topK(int k, Ties ties) {
        List<Candidate> sorted = sorted();
        if (k >= candidates.size() || k > sorted.size()) {
            return;
        }
        Candidate kth = sorted.get(k - 1);
        List<Candidate> firstK = sorted.subList(0, k);
        keep(c -> ties == Ties.KEEP_ALL ? c.logit >= kth.logit : firstK.contains(c));
    }

    void topP(double p, int minKeep) {
        List<Candidate> sorted = sorted();
        if (sorted.isEmpty() || p >= 1) {
            return;
        }
        float max = sorted.get(0).logit;
        double total = 0;
        for (int j = sorted.size() - 1; j >= 0; j--) {
            total += weight(sorted.get(j), max);
        }
        List<Candidate> kept = new ArrayList<>();
        double before = 0;
        for (Candidate candidate : sorted) {
            if (kept.size() >= minKeep && before >= p * total) {
                break;
            }
            kept.add(candidate);
            before += weight(candidate, max);
        }
        kept.sort(Comparator.comparingInt(Candidate::tokenId));
        candidates = kept;
    }

    /** The probability of all candidates before this rank. */
    double massBefore(int rank) {
        List<Candidate> sorted = sorted();
        float max = sorted.get(0).logit;
        double total = 0;
        for (int j = sorted.size() - 1; j >= 0; j--) {
            total += weight(sorted.get(j), max);
        }
        double before = 0;
        for (int j = 0; j < Math.min(rank, sorted.size()); j++) {
            before += weight(sorted.get(j), max);
        }
        return before / total;
    }

    private static double weight(Candidate candidate, float max) {
        return candidate.logit == max ? 1 : StrictMath.exp((double) candidate.logit - max);
    }

    void minP(double p, int minKeep) {
        List<Candidate> sorted = sorted();
        if (p == 0 || sorted.isEmpty()) {
            return;
        }
        double threshold = sorted.get(0).logit + StrictMath.log(p);
        List<Candidate> enough = sorted.subList(0, Math.min(minKeep, sorted.size()));
        keep(c -> c.logit > Float.NEGATIVE_INFINITY && c.logit >= threshold || enough.contains(c));
    }

    int argmax() {
        return sorted().get(0).tokenId;
    }

    double logSumExp() {
        List<Candidate> sorted = sorted();
        float max = sorted.get(0).logit;
        return max
                + StrictMath.log(
                        sorted.stream().mapToDouble(c -> weight(c, max)).sum());
    }

    /** {@link Logits#draw}: the sums of {@link DrawWeights}, without its tricks. */
    int draw(double u) {
        float max = sorted().get(0).logit;
        if (max == Float.POSITIVE_INFINITY) {
            List<Candidate> infinite =
                    candidates.stream().filter(c -> c.logit == max).toList();
            return infinite.get((int) (u * infinite.size())).tokenId;
        }
        List<Float> weights = candidates.stream()
                .map(c -> DeterministicExp.exp(c.logit - max))
                .map(w -> w > 0 ? w : 0f)
                .toList();
        List<Double> sums = new ArrayList<>();
        for (int from = 0; from < weights.size(); from += 8192) {
            sums.add(chunkSum(weights.subList(from, Math.min(weights.size(), from + 8192))));
        }
        double target = u * sums.stream().reduce(0.0, Double::sum);
        double before = 0;
        int chunk = 0;
        while (chunk < sums.size() - 1 && before + sums.get(chunk) <= target) {
            before += sums.get(chunk++);
        }
        int last = -1;
        while (last < 0) {
            for (int i = chunk * 8192; i < Math.min(weights.size(), chunk * 8192 + 8192); i++) {
                if (weights.get(i) > 0) {
                    last = i;
                    before += weights.get(i);
                    if (before > target) {
                        return candidates.get(i).tokenId;
                    }
                }
            }
            chunk--;
        }
        return candidates.get(last).tokenId;
    }

    private static double chunkSum(List<Float> weights) {
        float[] padded = new float[8192];
        for (int i = 0; i < weights.size(); i++) {
            padded[i] = weights.get(i);
        }
        float[] lanes = fold(fold(fold(padded)));
        double[] four = new double[4];
        for (int i = 0; i < lanes.length; i++) {
            four[i % 4] += lanes[i];
        }
        return (four[0] + four[1]) + (four[2] + four[3]);
    }

    private static float[] fold(float[] x) {
        int n = x.length / 4;
        float[] folded = new float[n];
        for (int i = 0; i < n; i++) {
            folded[i] = (x[i] + x[i + n]) + (x[i + 2 * n] + x[i + 3 * n]);
        }
        return folded;
    }

    /** Those above -inf by falling logit, equal ones by rising id. */
    private List<Candidate> sorted() {
        return candidates.stream()
                .filter(c -> c.logit > Float.NEGATIVE_INFINITY)
                .sorted(Comparator.comparingDouble((Candidate c) -> -(double) c.logit + 0.0)
                        .thenComparingInt(Candidate::tokenId))
                .toList();
    }

    private static List<Integer> last(List<Integer> history, int window) {
        return history.subList(Math.max(0, history.size() - window), history.size());
    }

    private void keep(Predicate<Candidate> predicate) {
        candidates = new ArrayList<>(candidates.stream().filter(predicate).toList());
    }

    private void replaceAll(Change change) {
        candidates.replaceAll(c -> new Candidate(c.tokenId, change.apply(c.tokenId, c.logit)));
    }

    private interface Change {
        float apply(int tokenId, float logit);
    }
}
