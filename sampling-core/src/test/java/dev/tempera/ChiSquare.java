package dev.tempera;

/** Pearson's test of counts against probabilities. */
final class ChiSquare {
    private static final double LEAST_EXPECTED = 5;

    private ChiSquare() {}

    /**
     * How likely counts at least as far from the probabilities are by chance. Bins that expect fewer than 5 are taken
     * together; a count where none is possible has no chance.
     */
    static double pValue(int[] counts, double[] probabilities) {
        double n = 0;
        for (int count : counts) {
            n += count;
        }
        double statistic = 0;
        int bins = 0;
        double pooledExpected = 0;
        double pooledCount = 0;
        for (int i = 0; i < counts.length; i++) {
            double expected = n * probabilities[i];
            if (expected == 0 && counts[i] > 0) {
                return 0;
            }
            if (expected >= LEAST_EXPECTED) {
                statistic += square(counts[i] - expected) / expected;
                bins++;
            } else {
                pooledExpected += expected;
                pooledCount += counts[i];
            }
        }
        if (pooledExpected >= LEAST_EXPECTED) {
            statistic += square(pooledCount - pooledExpected) / pooledExpected;
            bins++;
        }
        return bins < 2 ? 1 : upperTail(statistic, bins - 1);
    }

    private static double square(double x) {
        return x * x;
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
}
