package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tempera.Logits;
import dev.tempera.Sampler;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Ties;
import dev.tempera.Vocabulary;
import dev.tempera.processor.BannedStrings;
import dev.tempera.processor.Dry;
import dev.tempera.processor.MinP;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import dev.tempera.processor.TypicalP;
import dev.tempera.processor.Xtc;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class StepwiseDecoderTest {
    private static final int SIZE = 12;
    private static final int LISTED = 8;
    private static final int LENGTH = 3;
    private static final int TEXTS = 8_000;
    private static final Vocabulary VOCABULARY = Letters.of(SIZE);

    /** A model of twelve letters, whose next one depends on the last two; it lists the eight likeliest. */
    private static final class Model implements Steps {
        private final SplittableRandom random;
        private final double heat;
        private int requests;

        /** @param heat other than 1 for a server that draws at another temperature than it is told */
        Model(long seed, double heat) {
            random = new SplittableRandom(seed);
            this.heat = heat;
        }

        static float[] logProbabilities(List<Integer> text) {
            int n = text.size();
            SplittableRandom logits = new SplittableRandom(31L * text.get(n - 1) + (n > 1 ? text.get(n - 2) : 99));
            double[] values = logits.doubles(SIZE, -3, 1.5).toArray();
            double sum = Arrays.stream(values).map(Math::exp).sum();
            float[] result = new float[SIZE];
            for (int i = 0; i < SIZE; i++) {
                result[i] = (float) (values[i] - Math.log(sum));
            }
            return result;
        }

        static Step step(int drawn, float[] all) {
            int[] falling = IntStream.range(0, SIZE)
                    .boxed()
                    .sorted((a, b) -> Float.compare(all[b], all[a]))
                    .mapToInt(Integer::intValue)
                    .toArray();
            int[] ids = Arrays.copyOf(falling, LISTED);
            Arrays.sort(ids);
            float[] values = new float[LISTED];
            for (int i = 0; i < LISTED; i++) {
                values[i] = all[ids[i]];
            }
            return new Step(drawn, ids, values);
        }

        @Override
        public List<Step> next(List<Integer> text, Draft draft, int tokens, long seed) {
            requests++;
            List<Integer> soFar = new ArrayList<>(text);
            List<Step> steps = new ArrayList<>();
            for (int i = 0; i < tokens; i++) {
                float[] all = logProbabilities(soFar);
                int drawn = draw(all, draft);
                steps.add(step(drawn, all));
                soFar.add(drawn);
            }
            return steps;
        }

        /** As vLLM draws: temperature, then top_k, over the whole vocabulary. */
        private int draw(float[] all, Draft draft) {
            Logits logits = Logits.of(all);
            if (draft.temperature() == 0) {
                return logits.argmax();
            }
            logits.divide((float) (draft.temperature() * heat));
            if (draft.topK() > 0) {
                logits.retainTop(draft.topK(), Ties.KEEP_ALL);
            }
            return logits.draw(random.nextDouble());
        }

        @Override
        public void cancel() {}
    }

    static Stream<SamplingPipeline> pipelines() {
        return Stream.of(
                SamplingPipeline.of(),
                SamplingPipeline.of(new Temperature(0.7), new TopP(0.9, 1)),
                SamplingPipeline.of(new Xtc(0.5, 0.1, 1, List.of(), true)),
                SamplingPipeline.of(new PresencePenalty(1.5), new Temperature(1.3), new TopK(5)),
                SamplingPipeline.of(new TypicalP(0.8, 1, Ties.LOWEST_IDS)),
                SamplingPipeline.of(new MinP(0.2, 1), new Temperature(2)));
    }

    /** The law of three tokens, from what the pipeline makes of the listed tokens at each of them. */
    private static Map<List<Integer>, Double> law(SamplingPipeline pipeline) {
        Map<List<Integer>, Double> law = new HashMap<>();
        fill(law, pipeline.start(new int[] {0}, VOCABULARY, 0), new ArrayList<>(List.of(0)), 1);
        return law;
    }

    private static void fill(
            Map<List<Integer>, Double> law, SequenceSampler sampler, List<Integer> text, double probability) {
        if (text.size() > LENGTH) {
            law.put(List.copyOf(text.subList(1, text.size())), probability);
            return;
        }
        float[] all = Model.logProbabilities(text);
        Logits shaped = sampler.distribution(Model.step(0, all).logits(SIZE));
        double logSum = shaped.logSumExp();
        for (int i = 0; i < shaped.size(); i++) {
            double p = Math.exp(shaped.get(i) - logSum);
            if (p > 0) {
                SequenceSampler next = sampler.fork(sampler.context().seed());
                next.accept(shaped.tokenId(i));
                text.add(shaped.tokenId(i));
                fill(law, next, text, probability * p);
                text.remove(text.size() - 1);
            }
        }
    }

    private static List<Integer> text(SamplingPipeline pipeline, Model model, Draft draft, int draftTokens, long seed) {
        SequenceSampler sampler = pipeline.start(new int[] {0}, VOCABULARY, seed);
        StepwiseDecoder decoder = new StepwiseDecoder(model, sampler, draft, draftTokens, SIZE, null);
        List<Integer> text = new ArrayList<>();
        while (text.size() < LENGTH) {
            text.add(decoder.next(LENGTH - text.size()).tokenId());
        }
        return text;
    }

    private static double pValue(SamplingPipeline pipeline, Draft draft, int draftTokens, double heat) {
        Map<List<Integer>, Integer> counts = new HashMap<>();
        Model model = new Model(draftTokens, heat);
        for (int i = 0; i < TEXTS; i++) {
            counts.merge(text(pipeline, model, draft, draftTokens, i), 1, Integer::sum);
        }
        return ChiSquare.pValue(counts, law(pipeline));
    }

    @ParameterizedTest
    @MethodSource("pipelines")
    void textsFollowThePipelineWhicheverWayTheyAreDrawn(SamplingPipeline pipeline) {
        assertThat(pValue(pipeline, Draft.RAW, 1, 1)).as("one by one").isGreaterThan(1e-3);
        assertThat(pValue(pipeline, Draft.RAW, 3, 1)).as("ahead").isGreaterThan(1e-3);
        Draft near = Draft.of(pipeline, LISTED, true);
        assertThat(pValue(pipeline, near, 3, 1)).as("ahead by %s", near).isGreaterThan(1e-3);
    }

    @Test
    void aServerThatDrawsOtherwiseIsNoticed() {
        assertThat(pValue(SamplingPipeline.of(new Temperature(0.7)), Draft.RAW, 3, 1.2))
                .isLessThan(1e-6);
    }

    @Test
    void aNearerDraftKeepsMore() {
        SamplingPipeline pipeline = SamplingPipeline.of(new Temperature(0.5), new TopK(4));
        assertThat(kept(pipeline, Draft.of(pipeline, LISTED, true))).isEqualTo(1.0);
        assertThat(kept(pipeline, Draft.RAW)).isBetween(0.4, 0.9);
    }

    private static double kept(SamplingPipeline pipeline, Draft draft) {
        SequenceSampler sampler = pipeline.start(new int[] {0}, VOCABULARY, 1);
        StepwiseDecoder decoder = new StepwiseDecoder(new Model(1, 1), sampler, draft, 4, SIZE, null);
        for (int i = 0; i < 500; i++) {
            decoder.next(500);
        }
        Map<String, Object> details = decoder.details();
        return (double) (long) details.get("stepwise_kept") / (long) details.get("stepwise_drafted");
    }

    @Test
    void greedyDecodingIsTheSameAheadInFewerRequests() {
        SamplingPipeline pipeline = SamplingPipeline.builder()
                .add(new Dry(2))
                .sampler(Sampler.GREEDY)
                .build();
        Model plain = new Model(1, 1);
        Model ahead = new Model(1, 1);
        List<Integer> expected = greedy(pipeline, plain, 1);
        assertThat(greedy(pipeline, ahead, 8)).isEqualTo(expected);
        assertThat(plain.requests).isEqualTo(60);
        assertThat(ahead.requests).isLessThan(40);
    }

    private static List<Integer> greedy(SamplingPipeline pipeline, Model model, int draftTokens) {
        SequenceSampler sampler = pipeline.start(new int[] {0}, VOCABULARY, 1);
        Draft draft = Draft.of(pipeline, LISTED, true);
        StepwiseDecoder decoder = new StepwiseDecoder(model, sampler, draft, draftTokens, SIZE, null);
        List<Integer> text = new ArrayList<>();
        while (text.size() < 60) {
            text.add(decoder.next(60 - text.size()).tokenId());
        }
        return text;
    }

    /** After a rewind the server is asked again: what was drawn ahead followed a text that is gone. */
    @ParameterizedTest
    @ValueSource(ints = {1, 5})
    void bannedStringsAreTakenBack(int draftTokens) {
        SamplingPipeline pipeline = SamplingPipeline.of(BannedStrings.of("ab", "bc", "ca", "gh"));
        for (int seed = 0; seed < 50; seed++) {
            SequenceSampler sampler = pipeline.start(new int[] {0}, VOCABULARY, seed);
            StepwiseDecoder decoder =
                    new StepwiseDecoder(new Model(seed, 1), sampler, Draft.RAW, draftTokens, SIZE, null);
            while (sampler.history().generatedSize() < 40) {
                decoder.next(40);
            }
            StringBuilder text = new StringBuilder();
            for (int i = 1; i < sampler.history().size(); i++) {
                text.append((char) ('a' + sampler.history().get(i)));
            }
            assertThat(text.toString()).doesNotContain("ab", "bc", "ca", "gh");
        }
    }

    @Test
    void theMassOfWhatIsNotListedIsTold() {
        SequenceSampler sampler = SamplingPipeline.of().start(new int[] {0}, VOCABULARY, 1);
        StepwiseDecoder decoder = new StepwiseDecoder(new Model(1, 1), sampler, Draft.RAW, 1, SIZE, null);
        float[] first = Model.logProbabilities(List.of(0));
        Arrays.sort(first);
        double missing = 0;
        for (int i = 0; i < SIZE - LISTED; i++) {
            missing += Math.exp(first[i]);
        }
        double one = decoder.next(9).unseen();
        assertThat(one).isCloseTo(missing, within(1e-6)).isPositive();
        double two = decoder.next(9).unseen();
        assertThat(decoder.details())
                .containsEntry("stepwise_unseen_mass", one + two)
                .containsEntry("stepwise_most_unseen_mass", Math.max(one, two))
                .containsEntry("stepwise_requests", 2L);
    }
}
