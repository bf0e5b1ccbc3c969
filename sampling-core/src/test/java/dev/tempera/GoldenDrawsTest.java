package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.processor.AdaptiveP;
import dev.tempera.processor.DynamicTemperature;
import dev.tempera.processor.FrequencyPenalty;
import dev.tempera.processor.GumbelMax;
import dev.tempera.processor.MinP;
import dev.tempera.processor.Mirostat;
import dev.tempera.processor.MirostatV2;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import dev.tempera.processor.TypicalP;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * The same seed, parameters and logits give the ids of drawn-ids.txt, on any JVM: alone, in a batch on many threads, and
 * when a sequence is taken up again at any position.
 */
class GoldenDrawsTest {
    private static final int SEQUENCES = 64;
    private static final int STEPS = 32;
    private static final int VOCABULARY = 5000; // many enough for the kernels of large vocabularies
    private static final Vocabulary ROWS = Vocabulary.ofRows(VOCABULARY);

    /** What the history decides, and what the sampler learns, in turn. */
    private static final Map<String, SamplingPipeline> CHAINS = new TreeMap<>(Map.of(
            "penalties, top-k, top-p, min-p, temperature",
            SamplingPipeline.of(
                    new RepetitionPenalty(1.2, 16, TokenScope.PROMPT_AND_GENERATED),
                    new FrequencyPenalty(0.5),
                    new TopK(40),
                    new TopP(0.9),
                    new MinP(0.05),
                    new Temperature(0.7)),
            "temperature, top-p",
            SamplingPipeline.of(new Temperature(1.3), new TopP(0.9)),
            "dynamic temperature, typical, gumbel",
            ending(new GumbelMax(), new DynamicTemperature(0.5, 1.5, 1), new TypicalP(0.9))));

    private static final Map<String, SamplingPipeline> LEARNING = new TreeMap<>(Map.of(
            "mirostat", ending(new Mirostat(4, 0.2), new Temperature(1.2)),
            "mirostat 2", ending(new MirostatV2(3, 0.2), new RepetitionPenalty(1.1)),
            "adaptive-p", ending(new AdaptiveP(0.3, 0.8), new MinP(0.02))));

    @Test
    void alone() throws IOException {
        assertThat(lines(GoldenDrawsTest::drawAlone)).isEqualTo(golden());
    }

    @Test
    void inABatchOf64_onEightThreads() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            assertThat(lines(pipeline -> drawTogether(pipeline, threads))).isEqualTo(golden());
        } finally {
            threads.shutdownNow();
        }
    }

    /** Sequence i stops after i / 2 tokens and goes on in a new sequence, to which they are given. */
    @Test
    void takenUpAgain_byItsTokens() throws IOException {
        Map<String, List<String>> golden = golden();
        CHAINS.forEach((name, pipeline) -> {
            List<String> lines = new ArrayList<>();
            for (int i = 0; i < SEQUENCES; i++) {
                List<Integer> ids = draw(start(pipeline, i), i, i / 2);
                SequenceSampler again = start(pipeline, i);
                ids.forEach(again::accept);
                ids.addAll(draw(again, i, STEPS - ids.size()));
                lines.add(line(ids));
            }
            assertThat(lines).as(name).isEqualTo(golden.get(name));
        });
    }

    /** What a sampler has learnt is in the snapshot: others drew in between, and a fork goes on as the sequence does. */
    @Test
    void takenUpAgain_byASnapshot() throws IOException {
        Map<String, List<String>> golden = golden();
        all().forEach((name, pipeline) -> {
            List<String> lines = new ArrayList<>();
            List<String> forked = new ArrayList<>();
            for (int i = 0; i < SEQUENCES; i++) {
                SequenceSampler sequence = start(pipeline, i);
                List<Integer> ids = draw(sequence, i, i / 2);
                SequenceSampler.Snapshot snapshot = sequence.snapshot();
                SequenceSampler fork = sequence.fork(i);
                draw(sequence, i + 1, 3);
                sequence.restore(snapshot);
                List<Integer> idsOfFork = new ArrayList<>(ids);
                ids.addAll(draw(sequence, i, STEPS - ids.size()));
                idsOfFork.addAll(draw(fork, i, STEPS - idsOfFork.size()));
                lines.add(line(ids));
                forked.add(line(idsOfFork));
            }
            assertThat(lines).as(name).isEqualTo(golden.get(name));
            assertThat(forked).as(name).isEqualTo(golden.get(name));
        });
    }

    @FunctionalInterface
    private interface Draws {
        List<String> of(SamplingPipeline pipeline);
    }

    private static Map<String, List<String>> lines(Draws draws) {
        Map<String, List<String>> lines = new TreeMap<>();
        all().forEach((name, pipeline) -> lines.put(name, draws.of(pipeline)));
        return lines;
    }

    private static List<String> drawAlone(SamplingPipeline pipeline) {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < SEQUENCES; i++) {
            lines.add(line(draw(start(pipeline, i), i, STEPS)));
        }
        return lines;
    }

    /** Step by step, each on whatever thread is free. */
    private static List<String> drawTogether(SamplingPipeline pipeline, ExecutorService threads) {
        List<SequenceSampler> sequences = new ArrayList<>();
        for (int i = 0; i < SEQUENCES; i++) {
            sequences.add(start(pipeline, i));
        }
        for (int step = 0; step < STEPS; step++) {
            List<Callable<Integer>> tasks = new ArrayList<>();
            for (int i = 0; i < SEQUENCES; i++) {
                int mine = i;
                tasks.add(() -> sequences.get(mine).sample(logits(mine, sequences.get(mine))));
            }
            try {
                threads.invokeAll(tasks);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
        return sequences.stream()
                .map(sequence -> line(IntStream.range(
                                sequence.history().promptSize(),
                                sequence.history().size())
                        .map(sequence.history()::get)
                        .boxed()
                        .toList()))
                .toList();
    }

    private static SequenceSampler start(SamplingPipeline pipeline, int sequence) {
        return pipeline.start(new int[] {1, 2, 3}, ROWS, sequence);
    }

    private static List<Integer> draw(SequenceSampler sampler, int sequence, int steps) {
        List<Integer> ids = new ArrayList<>();
        for (int step = 0; step < steps; step++) {
            ids.add(sampler.sample(logits(sequence, sampler)));
        }
        return ids;
    }

    /** As a model: they depend on the sequence, the position and the last token; a few stand out. */
    private static float[] logits(int sequence, SequenceSampler sampler) {
        TokenHistory history = sampler.history();
        int last = history.get(history.size() - 1);
        long place = mix((long) sequence << 40 | (long) history.size() << 20 | last);
        float[] logits = new float[VOCABULARY];
        for (int id = 0; id < VOCABULARY; id++) {
            double u = (mix(place + id) >>> 11) * 0x1p-53;
            double peak = u * u * u * u;
            peak *= peak;
            peak *= peak;
            logits[id] = (float) (3 * u + 9 * peak * peak);
        }
        return logits;
    }

    /** SplitMix64's. */
    private static long mix(long x) {
        long z = x + 0x9e3779b97f4a7c15L;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    private static SamplingPipeline ending(Sampler sampler, LogitsProcessor... processors) {
        SamplingPipeline.Builder builder = SamplingPipeline.builder().sampler(sampler);
        for (LogitsProcessor processor : processors) {
            builder.add(processor);
        }
        return builder.build();
    }

    private static Map<String, SamplingPipeline> all() {
        Map<String, SamplingPipeline> all = new TreeMap<>(CHAINS);
        all.putAll(LEARNING);
        return all;
    }

    private static String line(List<Integer> ids) {
        return String.join(" ", ids.stream().map(String::valueOf).toList());
    }

    /** A line with the chain's name, then one for each sequence. */
    private static Map<String, List<String>> golden() throws IOException {
        try (InputStream file = GoldenDrawsTest.class.getResourceAsStream("drawn-ids.txt")) {
            List<String> lines = new String(file.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
            Map<String, List<String>> golden = new TreeMap<>();
            for (int i = 0; i < lines.size(); i += 1 + SEQUENCES) {
                golden.put(lines.get(i), lines.subList(i + 1, i + 1 + SEQUENCES));
            }
            return golden;
        }
    }
}
