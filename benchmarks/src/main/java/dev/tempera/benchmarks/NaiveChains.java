package dev.tempera.benchmarks;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;

/** The chains as a textbook writes them: one dense array of doubles, -inf for what is cut, a sort for every order. */
final class NaiveChains {
    private final int[] lastTokens;
    private final Random random;
    private int step;

    NaiveChains(int[] prompt, long seed) {
        lastTokens = prompt.clone();
        random = new Random(seed);
    }

    int sample(ChainBenchmark.Chain chain, float[] logits) {
        double[] x =
                IntStream.range(0, logits.length).mapToDouble(i -> logits[i]).toArray();
        switch (chain) {
            case A -> {
                penalties(x);
                topK(x, 40);
                topP(x, 0.9);
                minP(x, 0.05);
                divide(x, 0.7);
            }
            case B -> {
                divide(x, 0.7);
                topP(x, 0.9);
            }
            case C -> {}
            case D -> divide(x, 0.7);
        }
        int token = chain == ChainBenchmark.Chain.C ? argmax(x) : draw(x);
        lastTokens[step++ % lastTokens.length] = token;
        return token;
    }

    private void penalties(double[] x) {
        for (int token : Arrays.stream(lastTokens).distinct().toArray()) {
            long count = Arrays.stream(lastTokens).filter(t -> t == token).count();
            x[token] = x[token] > 0 ? x[token] / 1.1 : x[token] * 1.1;
            x[token] -= 0.1 * count + 0.1;
        }
    }

    private static void topK(double[] x, int k) {
        int[] order = order(x);
        for (int rank = k; rank < order.length; rank++) {
            x[order[rank]] = Double.NEGATIVE_INFINITY;
        }
    }

    private static void topP(double[] x, double p) {
        int[] order = order(x);
        double[] probabilities = softmax(x);
        double before = 0;
        for (int token : order) {
            if (before >= p) {
                x[token] = Double.NEGATIVE_INFINITY;
            }
            before += probabilities[token];
        }
    }

    private static void minP(double[] x, double p) {
        double[] probabilities = softmax(x);
        double largest = Arrays.stream(probabilities).max().orElseThrow();
        for (int i = 0; i < x.length; i++) {
            if (probabilities[i] < p * largest) {
                x[i] = Double.NEGATIVE_INFINITY;
            }
        }
    }

    private static void divide(double[] x, double temperature) {
        for (int i = 0; i < x.length; i++) {
            x[i] /= temperature;
        }
    }

    private int draw(double[] x) {
        double[] probabilities = softmax(x);
        double left = random.nextDouble();
        int token = -1;
        for (int i = 0; i < x.length && left >= 0; i++) {
            if (probabilities[i] > 0) {
                token = i;
                left -= probabilities[i];
            }
        }
        return token;
    }

    private static double[] softmax(double[] x) {
        double max = Arrays.stream(x).max().orElseThrow();
        double[] weights = Arrays.stream(x).map(v -> Math.exp(v - max)).toArray();
        double total = Arrays.stream(weights).sum();
        return Arrays.stream(weights).map(w -> w / total).toArray();
    }

    private static int argmax(double[] x) {
        return IntStream.range(0, x.length)
                .boxed()
                .max(Comparator.comparingDouble(i -> x[i]))
                .orElseThrow();
    }

    private static int[] order(double[] x) {
        return IntStream.range(0, x.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -x[i]))
                .mapToInt(i -> i)
                .toArray();
    }
}
