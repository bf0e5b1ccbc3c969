package dev.tempera.vllm;

import java.util.List;
import java.util.Map;

/** Pearson's test of counts against probabilities, and Holm's correction. The tests of sampling-core have the like. */
final class ChiSquare {
    private static final double LEAST_EXPECTED = 5;

    private ChiSquare() {}

    /**
     * How likely counts at least as far from the probabilities are by chance. Bins that expect fewer than 5 are taken
     * together; a count where none is possible has no chance.
     */
    static double pValue(Map<?, Integer> counts, Map<?, Double> probabilities) {
        double n = counts.values().stream().mapToInt(Integer::intValue).sum();
        if (!probabilities.keySet().containsAll(counts.keySet())) {
            return 0;
        }
        double statistic = 0;
        int bins = 0;
        double pooledExpected = 0;
        double pooledCount = 0;
        for (Map.Entry<?, Double> each : probabilities.entrySet()) {
            double expected = n * each.getValue();
            double count = counts.containsKey(each.getKey()) ? counts.get(each.getKey()) : 0;
            if (expected >= LEAST_EXPECTED) {
                statistic += (count - expected) * (count - expected) / expected;
                bins++;
            } else {
                pooledExpected += expected;
                pooledCount += count;
            }
        }
        if (pooledExpected >= LEAST_EXPECTED) {
            statistic += (pooledCount - pooledExpected) * (pooledCount - pooledExpected) / pooledExpected;
            bins++;
        }
        return bins < 2 ? 1 : upperTail(statistic, bins - 1);
    }

    /** The regularised upper incomplete gamma function Q(k / 2, x / 2), by its series or its continued fraction. */
    static double upperTail(double statistic, int degreesOfFreedom) {
        double a = degreesOfFreedom / 2.0;
        double x = statistic / 2;
        double factor = Math.exp(a * Math.log(x) - x - logGamma(a));
        if (x < a + 1) {
            double term = 1 / a;
            double sum = term;
            for (int n = 1; n < 10_000; n++) {
                term *= x / (a + n);
                sum += term;
            }
            return 1 - factor * sum;
        }
        double fraction = 0;
        for (int n = 1_000; n > 0; n--) {
            fraction = n * (a - n) / (x + 2 * n + 1 - a + fraction);
        }
        return factor / (x + 1 - a + fraction);
    }

    /** Of a half or a whole number. */
    private static double logGamma(double a) {
        double log = a % 1 == 0 ? 0 : Math.log(Math.PI) / 2;
        for (double x = a % 1 == 0 ? 1 : 0.5; x < a; x++) {
            log += Math.log(x);
        }
        return log;
    }

    /** Holm 1979: the smallest p-value against level / m, the next against level / (m - 1), up to the first that holds. */
    static List<String> rejected(Map<String, Double> pValues, double level) {
        List<String> rising = pValues.entrySet().stream()
                .sorted(Map.Entry.comparingByValue())
                .map(Map.Entry::getKey)
                .toList();
        int count = 0;
        while (count < rising.size() && pValues.get(rising.get(count)) <= level / (rising.size() - count)) {
            count++;
        }
        return rising.subList(0, count).stream().sorted().toList();
    }
}
