package dev.tempera;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * The truncations by probability as their definitions say it: full sorts, {@link StrictMath} in double, one candidate
 * at a time. An oracle of the tests that shares nothing with the kernels.
 *
 * <p>Each answers the ids that stay, ascending. {@code slack} moves the bound by that share of it, so that a test can tell
 * whether rounding decides.
 */
final class NaiveTruncation {
    record Candidate(int id, double logit, double p) {}

    /** Those above -inf by falling logit, equal ones by rising id. */
    final List<Candidate> sorted = new ArrayList<>();

    private final double slack;

    NaiveTruncation(float[] logits, double slack) {
        this.slack = slack;
        double max = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            max = logit > max ? logit : max;
        }
        double total = 0;
        for (float logit : logits) {
            total += logit > Float.NEGATIVE_INFINITY ? StrictMath.exp(logit - max) : 0;
        }
        for (int id = 0; id < logits.length; id++) {
            if (logits[id] > Float.NEGATIVE_INFINITY) {
                sorted.add(new Candidate(id, logits[id] + 0.0, StrictMath.exp(logits[id] - max) / total));
            }
        }
        sorted.sort(Comparator.comparingDouble((Candidate c) -> -c.logit).thenComparingInt(Candidate::id));
    }

    private double entropy() {
        return sorted.stream()
                .mapToDouble(c -> c.p > 0 ? -c.p * StrictMath.log(c.p) : 0)
                .sum();
    }

    List<Integer> epsilonCutoff(double epsilon, int minKeep) {
        return atLeast(epsilon, minKeep, true);
    }

    List<Integer> etaCutoff(double epsilon, int minKeep) {
        return atLeast(Math.min(epsilon, StrictMath.sqrt(epsilon) * StrictMath.exp(-entropy())), minKeep, true);
    }

    List<Integer> topA(double a, int minKeep) {
        return atLeast(a * sorted.get(0).p * sorted.get(0).p, minKeep, false);
    }

    List<Integer> topNSigma(double n, int minKeep) {
        double mean = sorted.stream().mapToDouble(Candidate::logit).average().orElseThrow();
        double variance = sorted.stream()
                .mapToDouble(c -> (c.logit - mean) * (c.logit - mean))
                .average()
                .orElseThrow();
        double max = sorted.get(0).logit;
        double reach = n * Math.sqrt(variance) * (1 + slack);
        List<Integer> kept = new ArrayList<>();
        for (int rank = 0; rank < sorted.size(); rank++) {
            if (rank < minKeep || max - sorted.get(rank).logit <= reach) {
                kept.add(sorted.get(rank).id);
            }
        }
        return ascending(kept);
    }

    List<Integer> topH(double h) {
        List<Candidate> top = sorted.subList(0, Math.min(100, sorted.size()));
        double total = top.stream().mapToDouble(Candidate::p).sum();
        List<Double> terms = top.stream()
                .map(c -> c.p > 0 ? -c.p / total * StrictMath.log(c.p / total) : 0)
                .toList();
        double entropy = terms.stream().mapToDouble(Double::doubleValue).sum();
        List<Integer> kept = new ArrayList<>();
        double sum = 0;
        for (int rank = 0; rank < top.size(); rank++) {
            sum += terms.get(rank);
            if (rank == 0 || sum <= h * entropy * (1 + slack)) {
                kept.add(top.get(rank).id);
            }
        }
        return ascending(kept);
    }

    List<Integer> pLess() {
        return atLeast(sorted.stream().mapToDouble(c -> c.p * c.p).sum(), 1, true);
    }

    List<Integer> typicalP(double p, int minKeep, Ties ties) {
        // -ln p without taking the logarithm of a p that underflowed
        double entropy = entropy();
        double least = -StrictMath.log(sorted.get(0).p);
        double max = sorted.get(0).logit;
        ToDoubleFunction<Candidate> distance = c -> Math.abs(least + (max - c.logit) - entropy);
        List<Candidate> typical = sorted.stream()
                .sorted(Comparator.comparingDouble(distance).thenComparingInt(Candidate::id))
                .toList();
        double bound = p * (1 + slack);
        int kept = 0;
        double sum = 0;
        do {
            sum += typical.get(kept++).p;
        } while (kept < typical.size() && (ties == Ties.KEEP_ALL ? sum < bound : sum <= bound));
        double last = distance.applyAsDouble(typical.get(kept - 1));
        List<Integer> ids = new ArrayList<>();
        for (int rank = 0; rank < typical.size(); rank++) {
            boolean tied = ties == Ties.KEEP_ALL && distance.applyAsDouble(typical.get(rank)) == last;
            if (rank < Math.max(kept, minKeep) || tied) {
                ids.add(typical.get(rank).id);
            }
        }
        return ascending(ids);
    }

    List<Integer> tailFree(double z, int minKeep) {
        int n = sorted.size();
        if (n <= 2 || z >= 1) {
            return ascending(sorted.stream().map(Candidate::id).toList());
        }
        double[] differences = new double[n - 2];
        double total = 0;
        for (int i = 0; i < n - 2; i++) {
            differences[i] = Math.abs(sorted.get(i).p - 2 * sorted.get(i + 1).p + sorted.get(i + 2).p);
            total += differences[i];
        }
        int kept = n;
        double running = 0;
        for (int i = 0; i < n - 2 && kept == n; i++) {
            running += total > 1e-6 ? differences[i] / total : 1.0 / (n - 2);
            if (running > z * (1 + slack) && i >= minKeep) {
                kept = i;
            }
        }
        return ascending(sorted.subList(0, kept).stream().map(Candidate::id).toList());
    }

    /** When the coin falls so. */
    List<Integer> xtc(double threshold, int minKeep) {
        int reached = (int)
                sorted.stream().filter(c -> c.p >= threshold * (1 + slack)).count();
        boolean excludes = reached >= 2 && sorted.size() - (reached - 1) >= minKeep;
        return ascending(sorted.subList(excludes ? reached - 1 : 0, sorted.size()).stream()
                .map(Candidate::id)
                .toList());
    }

    /** Those at least as likely as the bound, and the first few; all that tie with the last of these, if so asked. */
    private List<Integer> atLeast(double bound, int minKeep, boolean ties) {
        double last = sorted.get(Math.min(minKeep, sorted.size()) - 1).logit;
        List<Integer> kept = new ArrayList<>();
        for (int rank = 0; rank < sorted.size(); rank++) {
            Candidate c = sorted.get(rank);
            if (rank < minKeep || c.p >= bound * (1 + slack) || ties && c.logit == last) {
                kept.add(c.id);
            }
        }
        return ascending(kept);
    }

    private static List<Integer> ascending(List<Integer> ids) {
        return ids.stream().sorted().toList();
    }
}
