package dev.tempera.app;

import dev.tempera.Kernels;
import dev.tempera.Sampler;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Ties;
import dev.tempera.TokenScope;
import dev.tempera.Vocabulary;
import dev.tempera.processor.FrequencyPenalty;
import dev.tempera.processor.MinP;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.IntConsumer;

/**
 * How long one step of sampling takes, chain by chain: the caller's copy of the logits is not in it, and is timed by
 * itself as the row {@code copy}, the floor to compare with in the same run. For figures with error bars use the JMH
 * benchmarks.
 */
final class ChainTimings {
    private static final int VECTORS = 16;
    private static final int WINDOW = 64;

    private final PrintWriter out;
    private final int steps;
    private final long warmUpNanos;

    /**
     * @param steps timed steps of each row, after as many for warm-up
     * @param warmUpNanos how long that takes at least
     */
    ChainTimings(PrintWriter out, int steps, long warmUpNanos) {
        this.out = out;
        this.steps = steps;
        this.warmUpNanos = warmUpNanos;
    }

    /**
     * Writes one JSON line for each vocabulary size, shape and chain:
     * {@code {"chain":"A","vocab":152064,"shape":"flat","median_us":31.4,"p99_us":38.0,"copies":2.4,
     * "kernels":"scalar"}}; {@code copies} is the median in medians of the copy, {@code kernels} what {@link Kernels} says.
     *
     * @param vocabularies numbers of logits
     */
    void run(List<Integer> vocabularies) {
        for (int vocabulary : vocabularies) {
            for (String shape : List.of("flat", "peaked")) {
                float[][] inputs = inputs(vocabulary, shape);
                float[] logits = new float[vocabulary];
                long[] copy = time(inputs, logits, true, i -> {});
                long floor = Math.max(1, copy[copy.length / 2]);
                row("copy", vocabulary, shape, copy, floor);
                chains().forEach((name, pipeline) -> {
                    int[] prompt = new Random(1).ints(WINDOW, 0, vocabulary).toArray();
                    SequenceSampler sampler = pipeline.start(prompt, Vocabulary.ofRows(vocabulary), 42);
                    long[] nanos = time(inputs, logits, false, i -> sampler.sample(logits));
                    row(name, vocabulary, shape, nanos, floor);
                });
            }
        }
    }

    /** A: every usual cut. B: top-p alone, where sorting hurts most. C: greedy. D: no cut at all. */
    private static Map<String, SamplingPipeline> chains() {
        TokenScope scope = TokenScope.PROMPT_AND_GENERATED;
        Map<String, SamplingPipeline> chains = new LinkedHashMap<>();
        chains.put(
                "A",
                SamplingPipeline.of(
                        new RepetitionPenalty(1.1, WINDOW, scope),
                        new FrequencyPenalty(0.1, WINDOW, scope),
                        new PresencePenalty(0.1, WINDOW, scope),
                        new TopK(40, Ties.LOWEST_IDS),
                        new TopP(0.9),
                        new MinP(0.05),
                        new Temperature(0.7)));
        chains.put("B", SamplingPipeline.of(new Temperature(0.7), new TopP(0.9)));
        chains.put("C", SamplingPipeline.builder().sampler(Sampler.GREEDY).build());
        chains.put("D", SamplingPipeline.of(new Temperature(0.7)));
        return chains;
    }

    /** flat: normal * 2. peaked: normal * 2.5 with 50 tokens raised by 5 to 18. */
    private static float[][] inputs(int vocabulary, String shape) {
        Random random = new Random(7);
        float[][] inputs = new float[VECTORS][vocabulary];
        for (float[] logits : inputs) {
            boolean peaked = shape.equals("peaked");
            for (int i = 0; i < vocabulary; i++) {
                logits[i] = (float) (random.nextGaussian() * (peaked ? 2.5 : 2));
            }
            for (int i = 0; peaked && i < 50; i++) {
                logits[random.nextInt(vocabulary)] += (float) (5 + 13 * random.nextDouble());
            }
        }
        return inputs;
    }

    private long[] time(float[][] inputs, float[] logits, boolean withCopy, IntConsumer step) {
        long warmUntil = System.nanoTime() + warmUpNanos;
        for (int i = 0; i < steps || System.nanoTime() < warmUntil; i++) {
            timeOne(inputs[i % VECTORS], logits, withCopy, step, i);
        }
        long[] nanos = new long[steps];
        for (int i = 0; i < steps; i++) {
            nanos[i] = timeOne(inputs[i % VECTORS], logits, withCopy, step, i);
        }
        Arrays.sort(nanos);
        return nanos;
    }

    private static long timeOne(float[] input, float[] logits, boolean withCopy, IntConsumer step, int i) {
        long beforeCopy = System.nanoTime();
        System.arraycopy(input, 0, logits, 0, logits.length);
        long start = withCopy ? beforeCopy : System.nanoTime();
        step.accept(i);
        return System.nanoTime() - start;
    }

    private void row(String chain, int vocabulary, String shape, long[] sorted, long floor) {
        long median = sorted[sorted.length / 2];
        out.printf(
                Locale.ROOT,
                "{\"chain\":\"%s\",\"vocab\":%d,\"shape\":\"%s\",\"median_us\":%.1f,\"p99_us\":%.1f,\"copies\":%.1f,"
                        + "\"kernels\":\"%s\"}%n",
                chain,
                vocabulary,
                shape,
                median / 1e3,
                sorted[sorted.length * 99 / 100] / 1e3,
                (double) median / floor,
                Kernels.inUse());
        out.flush();
    }
}
