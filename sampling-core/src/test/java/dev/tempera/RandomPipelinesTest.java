package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.processor.AllowedTokens;
import dev.tempera.processor.FrequencyPenalty;
import dev.tempera.processor.LogitBias;
import dev.tempera.processor.MinP;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Random pipelines over random logits leave the same candidates and draw the same tokens as {@link NaiveSampling}. */
class RandomPipelinesTest {
    /** A stage in both forms. */
    private record Stage(LogitsProcessor processor, Consumer<NaiveSampling> naive) {}

    @ParameterizedTest
    @EnumSource
    void smallVocabularies(RandomLogits kind) {
        for (int seed = 0; seed < 300; seed++) {
            Random random = new Random(seed * 31L + kind.ordinal());
            int size = new int[] {1, 2, 7, 50, 1000}[random.nextInt(5)];
            check(kind, size, random, "seed " + seed + ", size " + size);
        }
    }

    @ParameterizedTest
    @EnumSource
    void mediumVocabularies(RandomLogits kind) {
        for (int seed = 0; seed < 12; seed++) {
            Random random = new Random(seed * 37L + kind.ordinal());
            int size = 4000 + random.nextInt(20000);
            check(kind, size, random, "seed " + seed + ", size " + size);
        }
    }

    @ParameterizedTest
    @CsvSource({"FLAT, 1", "FLAT, 2", "PEAKED, 3", "BFLOAT16, 4", "MASKED, 5"})
    void fullVocabulary(RandomLogits kind, int seed) {
        check(kind, 152_064, new Random(seed), "seed " + seed);
    }

    private static void check(RandomLogits kind, int size, Random random, String name) {
        float[] values = kind.of(size, random);
        List<Integer> history = random.ints(40, 0, Math.min(size, 30)).boxed().toList();
        List<Stage> stages = new ArrayList<>();
        for (int i = random.nextInt(6); i > 0; i--) {
            stages.add(stage(size, history, random));
        }
        SamplingPipeline pipeline =
                SamplingPipeline.of(stages.stream().map(Stage::processor).toArray(LogitsProcessor[]::new));
        SequenceSampler sampler =
                pipeline.start(history.stream().mapToInt(Integer::intValue).toArray(), Vocabulary.ofRows(size), 0);
        String description = kind + ", " + name + ": " + pipeline;

        NaiveSampling naive = new NaiveSampling(values);
        stages.forEach(stage -> stage.naive.accept(naive));
        if (naive.alive().isEmpty()) {
            return;
        }
        Logits logits = sampler.process(values.clone());

        assertThat(alive(logits)).as(description).isEqualTo(naive.alive());
        assertThat(logits.argmax()).as(description).isEqualTo(naive.argmax());
        for (double u : new double[] {0, random.nextDouble(), random.nextDouble(), Math.nextDown(1.0)}) {
            assertThat(logits.draw(u)).as("%s, u = %s", description, u).isEqualTo(naive.draw(u));
        }
    }

    private static List<Integer> alive(Logits logits) {
        return IntStream.range(0, logits.size())
                .filter(i -> logits.get(i) > Float.NEGATIVE_INFINITY)
                .mapToObj(logits::tokenId)
                .toList();
    }

    private static Stage stage(int size, List<Integer> history, Random random) {
        int window = 1 + random.nextInt(60);
        TokenScope scope = TokenScope.PROMPT_AND_GENERATED;
        double penalty = random.nextInt(5) * 0.25;
        int minKeep = random.nextInt(3) == 0 ? 1 + random.nextInt(20) : 1;
        switch (random.nextInt(9)) {
            case 0 -> {
                double t = new double[] {0.01, 0.3, 0.7, 1, 1.5, 3}[random.nextInt(6)];
                return new Stage(new Temperature(t), naive -> naive.temperature(t));
            }
            case 1 -> {
                int k = random.nextBoolean() ? 1 + random.nextInt(size) : 1 + random.nextInt(Math.min(size, 60));
                Ties ties = Ties.values()[random.nextInt(2)];
                return new Stage(new TopK(k, ties), naive -> naive.topK(k, ties));
            }
            case 2, 3 -> {
                double p = new double[] {0, 1e-9, 0.25, 0.5, 0.75, 0.9, 0.999999}[random.nextInt(7)];
                return new Stage(new TopP(p, minKeep), naive -> naive.topP(p, minKeep));
            }
            case 4 -> {
                double p = new double[] {0, 1e-6, 0.05, 0.5, 1}[random.nextInt(5)];
                return new Stage(new MinP(p, minKeep), naive -> naive.minP(p, minKeep));
            }
            case 5 -> {
                double factor = 1 + penalty;
                return new Stage(
                        new RepetitionPenalty(factor, window, scope),
                        naive -> naive.repetitionPenalty(history, factor, window));
            }
            case 6 -> {
                return new Stage(
                        new FrequencyPenalty(penalty, window, scope),
                        naive -> naive.frequencyPenalty(history, penalty, window));
            }
            case 7 -> {
                return new Stage(
                        new PresencePenalty(penalty, window, scope),
                        naive -> naive.presencePenalty(history, penalty, window));
            }
            default -> {
                if (random.nextBoolean()) {
                    var biases = java.util.Map.of(random.nextInt(size), random.nextGaussian() * 5);
                    return new Stage(new LogitBias(biases), naive -> naive.logitBias(biases));
                }
                List<Integer> allowed = random.ints(1 + random.nextInt(20), 0, size)
                        .distinct()
                        .boxed()
                        .toList();
                return new Stage(new AllowedTokens(allowed), naive -> naive.allow(allowed));
            }
        }
    }
}
