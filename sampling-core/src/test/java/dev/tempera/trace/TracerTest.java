package dev.tempera.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tempera.Acceptance;
import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.LogitsProcessors;
import dev.tempera.RandomPurpose;
import dev.tempera.Sampler;
import dev.tempera.SamplingContext;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TracerTest {
    private static final Vocabulary FOUR = Vocabulary.ofRows(4);

    @Test
    void step_tellsWhatEveryStageRemoved() {
        // Probabilities 1/2, 1/4, 1/8, 1/8.
        float[] logits = {(float) Math.log(2), (float) Math.log(4), (float) Math.log(1), (float) Math.log(1)};
        SamplingPipeline pipeline = SamplingPipeline.of(new TopK(2), new Temperature(0.5));
        TraceStep step = trace(pipeline, FOUR, 1, 20, logits).steps().get(0);

        TracedStage topK = step.stages().get(0);
        assertThat(topK.name()).isEqualTo(new TopK(2).toString());
        assertThat(topK.removed()).isEqualTo(2);
        assertThat(topK.kept()).isEqualTo(2);
        assertThat(topK.removedMass()).isCloseTo(0.25, within(1e-7));
        assertThat(topK.entropyBefore()).isCloseTo(1.75 * Math.log(2), within(1e-7));
        assertThat(topK.entropyAfter()).isCloseTo(entropy(1 / 3.0, 2 / 3.0), within(1e-7));
        TracedStage temperature = step.stages().get(1);
        assertThat(temperature.removed()).isZero();
        assertThat(temperature.entropyBefore()).isEqualTo(topK.entropyAfter());
        assertThat(temperature.entropyAfter()).isCloseTo(entropy(0.2, 0.8), within(1e-6));
        assertThat(step.stages().get(2).name()).isEqualTo("Categorical[]");
        assertThat(step.rawEntropy()).isEqualTo(topK.entropyBefore());

        assertThat(step.candidates())
                .extracting(TracedCandidate::tokenId)
                .as("falling, equal ones by rising id")
                .containsExactly(1, 0, 2, 3);
        assertThat(step.candidates()).extracting(TracedCandidate::removedBy).containsExactly(-1, -1, 0, 0);
        assertThat(Math.exp(step.candidates().get(0).logProbability())).isCloseTo(0.8, within(1e-6));
        assertThat(Math.exp(step.rawLogProbability(step.candidates().get(2)))).isCloseTo(0.125, within(1e-7));
        assertThat(step.tail()).isEmpty();
    }

    @Test
    void step_tellsTheDraw() {
        SamplingPipeline pipeline = SamplingPipeline.of(new Temperature(0.7), new TopP(0.9));
        Random random = new Random(5);
        for (int seed = 0; seed < 200; seed++) {
            float[] logits = gaussian(300, 2, random);
            SequenceSampler sampler = pipeline.start(new int[] {3}, Vocabulary.ofRows(300), seed);
            double uniform = sampler.context().uniform(RandomPurpose.DRAW);
            Logits distribution = Logits.of(values(sampler.distribution(logits.clone()), 300));
            Tracer tracer = Tracer.builder().build();
            int token = sampler.sample(logits.clone(), tracer);
            TraceStep step = tracer.trace().steps().get(0);

            assertThat(step.tokenId()).isEqualTo(token);
            assertThat(step.uniform()).isEqualTo(uniform).isBetween(step.cumulativeFrom(), step.cumulativeTo());
            assertThat(step.rawLogProbability())
                    .isCloseTo(logits[token] - Logits.of(logits).logSumExp(), within(1e-9));
            assertThat(step.exactLogProbability())
                    .isCloseTo(distribution.ofToken(token) - distribution.logSumExp(), within(1e-9))
                    .isEqualTo(step.processedLogProbability());
        }
    }

    @Test
    void step_tellsTheSamplersOwnShape() {
        SamplingPipeline greedy =
                SamplingPipeline.builder().sampler(Sampler.GREEDY).build();
        TraceStep step =
                trace(greedy, FOUR, 0, 20, new float[] {1, 3, 2, 0}).steps().get(0);

        assertThat(step.exactLogProbability()).isZero();
        assertThat(step.processedLogProbability())
                .isEqualTo(step.rawLogProbability())
                .isNegative();
        assertThat(step.stages()).singleElement().satisfies(stage -> {
            assertThat(stage.name()).isEqualTo("Greedy[]");
            assertThat(stage.removed()).isEqualTo(3);
        });
    }

    @Test
    void tail_holdsEveryTokenThatIsNotListed() {
        Random random = new Random(8);
        float[] logits = gaussian(5000, 6, random);
        logits[17] = Float.NEGATIVE_INFINITY;
        logits[18] = Float.NaN;
        SamplingTrace trace = trace(SamplingPipeline.of(), Vocabulary.ofRows(5000), 0, 7, logits);
        TraceStep step = trace.steps().get(0);

        assertThat(step.candidates()).hasSize(7);
        int listed = 7 + step.others().size();
        assertThat(step.tailSize()).isEqualTo(4998 - listed);
        double mass = 0;
        for (TailBucket bucket : step.tail()) {
            mass += bucket.count() * Math.exp(-bucket.meanGap());
        }
        double max = step.candidates().get(0).logit();
        for (TracedCandidate candidate : step.candidates()) {
            mass += Math.exp(candidate.logit() - max);
        }
        for (float other : step.others().values()) {
            mass += Math.exp(other - max);
        }
        assertThat(max + Math.log(mass))
                .as("by the first moments")
                .isCloseTo(Logits.of(logits).logSumExp(), within(3e-3))
                .isLessThan(Logits.of(logits).logSumExp());
    }

    @Test
    void others_holdTheTextSoFarAndStopTokens() {
        float[] falling = new float[100];
        for (int i = 0; i < 100; i++) {
            falling[i] = 10 - i;
        }
        SequenceSampler sampler = SamplingPipeline.of(new TopK(1))
                .start(new int[] {40, 41, 40}, Vocabulary.ofRows(100), new int[] {99}, 0);
        Tracer tracer = Tracer.builder().candidates(3).build();
        sampler.sample(falling.clone(), tracer);
        float[] rising = new float[100];
        for (int i = 0; i < 100; i++) {
            rising[i] = i;
        }
        sampler.sample(rising, tracer);

        List<TraceStep> steps = tracer.trace().steps();
        assertThat(steps.get(0).others()).isEqualTo(Map.of(40, -30f, 41, -31f, 99, -89f));
        assertThat(steps.get(1).others()).containsOnlyKeys(0, 40, 41);
        assertThat(steps.get(1).rank()).isEqualTo(1);
    }

    @Test
    void rowsWithoutToken_areInNoFigure() {
        Vocabulary twoOfFour = new Vocabulary() {
            @Override
            public int rows() {
                return 4;
            }

            @Override
            public boolean isToken(int tokenId) {
                return tokenId < 2;
            }

            @Override
            public boolean isMarkup(int tokenId) {
                return tokenId == 1;
            }

            @Override
            public int[] encode(String text) {
                return new int[0];
            }
        };
        SamplingTrace trace = trace(SamplingPipeline.of(), twoOfFour, 0, 20, new float[] {1, 1, 9, 9});

        TraceStep step = trace.steps().get(0);
        assertThat(step.kept()).isEqualTo(2);
        assertThat(step.rawLogProbability()).isCloseTo(Math.log(0.5), within(1e-12));
        assertThat(step.rank()).isLessThanOrEqualTo(2);
        assertThat(trace.header().markupTokenIds()).containsExactly(1);
    }

    @Test
    void tokensTakenBack_areCountedAndNoSteps() {
        SequenceSampler sampler =
                SamplingPipeline.of(new TakesBackOnce()).start(new int[] {0}, Vocabulary.ofRows(50), 4);
        Tracer tracer = Tracer.builder().build();
        Random random = new Random(2);
        for (int i = 0; i < 9; i++) {
            sampler.sample(gaussian(50, 1, random), tracer);
        }

        List<Integer> generated = new ArrayList<>();
        for (int i = 1; i < sampler.history().size(); i++) {
            generated.add(sampler.history().get(i));
        }
        assertThat(tracer.trace().steps()).extracting(TraceStep::tokenId).isEqualTo(generated);
        assertThat(tracer.trace().header().takenBack()).isEqualTo(3);
        assertThat(generated).hasSize(6);
    }

    /** Takes the first three tokens back once they are there, and then lets all pass. */
    private static final class TakesBackOnce implements LogitsProcessor {
        private boolean done;

        @Override
        public void process(Logits logits, SamplingContext context) {}

        @Override
        public LogitsProcessor forSequence(SamplingContext context) {
            return new TakesBackOnce();
        }

        @Override
        public boolean mayRewind() {
            return true;
        }

        @Override
        public Acceptance accept(int tokenId, SamplingContext context) {
            if (done) {
                return Acceptance.EMIT;
            }
            return context.history().generatedSize() < 3 ? Acceptance.HOLD : Acceptance.rewind(3);
        }

        @Override
        public void rewound(int[] takenBack, SamplingContext context) {
            done = true;
        }
    }

    @Test
    void trace_throughMaps_isTheSame() {
        Random random = new Random(3);
        SamplingParameters parameters =
                SamplingParameters.builder().temperature(1.3).topP(0.8).seed(9).build();
        Tracer tracer = Tracer.builder()
                .candidates(5)
                .model("a model")
                .parameters(parameters, Dialect.LLAMA_CPP)
                .build();
        SequenceSampler sampler =
                parameters.toPipeline(Dialect.LLAMA_CPP).start(new int[] {1, 2}, new Named(1000), new int[] {7}, 9);
        for (int i = 0; i < 20; i++) {
            float[] logits = gaussian(1000, 5, random);
            if (i == 5) {
                logits[3] = Float.POSITIVE_INFINITY;
                logits[1] = Float.NEGATIVE_INFINITY;
            }
            sampler.sample(logits, tracer);
        }
        SamplingTrace trace = tracer.trace();

        assertThat(trace.steps()).hasSize(20);
        assertThat(SamplingTrace.fromMaps(trace.toMaps())).isEqualTo(trace);
        assertThat(SamplingTrace.fromMaps(trace.first(3).toMaps()).steps())
                .isEqualTo(trace.steps().subList(0, 3));
        assertThat(trace.header().pipeline()).last().isEqualTo("Categorical[]");
        assertThat(trace.steps().get(0).text())
                .isEqualTo("<" + trace.steps().get(0).tokenId() + ">");
    }

    @Test
    void fromMaps_wrong_namesLineAndField() {
        List<Map<String, Object>> maps = trace(SamplingPipeline.of(), FOUR, 1, 20, new float[] {1, 2, 3, 4})
                .toMaps();
        assertThatThrownBy(() -> SamplingTrace.fromMaps(List.of()))
                .hasMessage("a trace must have at least one line, its header; got none");
        assertThatThrownBy(() -> SamplingTrace.fromMaps(maps.subList(1, 2)))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("line 1 of the trace: \"tempera_trace\" must be 1 in the first line, got null: this is no"
                        + " trace of tempera generate --trace-file");
        assertRefused(maps, 1, "rank", 5, "line 2 of the trace: rank must be a whole number from 1 to 4, got 5");
        assertRefused(maps, 1, "rank", "x", "line 2 of the trace: rank must be a number, got x");
        assertRefused(maps, 1, "position", 1, "line 2 of the trace: position must be 0 here, got 1");
        assertRefused(maps, 1, "text", 1, "line 2 of the trace: text must be text, got 1");
        assertRefused(maps, 1, "tail", 1, "line 2 of the trace: tail must be a list, got 1");
        assertRefused(maps, 1, "others", 1, "line 2 of the trace: others must be an object, got 1");
        assertRefused(
                maps,
                1,
                "others",
                Map.of("x", 1),
                "line 2 of the trace: others must have token ids below 4, got \"x\"");
        assertRefused(
                maps,
                1,
                "stages",
                List.of(),
                "line 2 of the trace: stages must have at least one, the sampler; got none");
        assertRefused(
                maps,
                1,
                "candidates",
                List.of(),
                "line 2 of the trace: candidates or others must have the token drawn, "
                        + maps.get(1).get("token_id") + "; neither has");
        assertRefused(
                maps,
                1,
                "tail",
                List.of(Map.of("from", 2, "to", 1, "count", 1, "mean_gap", 1)),
                "line 2 of the trace: from must be in [0, to], got 2.0");
        assertRefused(
                maps,
                0,
                "dialect",
                "ollama",
                "line 1 of the trace: dialect must be vllm, transformers or llama-cpp, got \"ollama\"");
        Map<String, Object> without = new HashMap<>(maps.get(1));
        without.remove("logit");
        assertThatThrownBy(() -> SamplingTrace.fromMaps(List.of(maps.get(0), without)))
                .hasMessage("line 2 of the trace: logit must be given");
    }

    private static void assertRefused(
            List<Map<String, Object>> maps, int line, String field, Object value, String message) {
        List<Map<String, Object>> changed = new ArrayList<>(maps);
        Map<String, Object> map = new HashMap<>(maps.get(line));
        map.put(field, value);
        changed.set(line, map);
        assertThatThrownBy(() -> SamplingTrace.fromMaps(changed))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(message);
    }

    @Test
    void tracer_followsOneSequence() {
        SequenceSampler sampler = SamplingPipeline.of().start(new int[0], FOUR, 0);
        sampler.accept(2);
        assertThatThrownBy(() -> sampler.sample(new float[4], Tracer.builder().build()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("a tracer follows one sequence from its first token on: it has seen 0 tokens, this sequence"
                        + " has 1");
        assertThatThrownBy(() -> Tracer.builder().candidates(0))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("candidates must be at least 1, got 0");
    }

    @Test
    void lambda_isCalledOne() {
        LogitsProcessor odd = (logits, context) -> logits.retainIf((id, logit) -> id % 2 == 1);
        SamplingTrace trace = trace(SamplingPipeline.of(odd), FOUR, 0, 20, new float[] {4, 3, 2, 1});
        assertThat(trace.header().pipeline()).containsExactly("lambda", "Categorical[]");
    }

    @Test
    void penalties_showInProcessedButNotInRaw() {
        SamplingPipeline pipeline = SamplingPipeline.of(
                LogitsProcessors.create(dev.tempera.ProcessorSpec.of("repetition_penalty", Map.of("penalty", 2.0))));
        SequenceSampler sampler = pipeline.start(new int[] {1}, FOUR, 0);
        Tracer tracer = Tracer.builder().build();
        sampler.sample(new float[] {-50, 4, -50, -50}, tracer);
        TraceStep step = tracer.trace().steps().get(0);
        assertThat(step.candidates().get(0).tokenId()).isEqualTo(1);
        assertThat(step.stages().get(0).name()).startsWith("RepetitionPenalty");
        assertThat(step.logit()).isEqualTo(4);
        assertThat(new RepetitionPenalty(2.0, Integer.MAX_VALUE, dev.tempera.TokenScope.PROMPT_AND_GENERATED)
                        .toString())
                .isEqualTo(step.stages().get(0).name());
    }

    /** A vocabulary whose tokens have names. */
    private record Named(int rows) implements Vocabulary {
        @Override
        public boolean isToken(int tokenId) {
            return true;
        }

        @Override
        public int[] encode(String text) {
            return new int[0];
        }

        @Override
        public String tokenText(int tokenId) {
            return "<" + tokenId + ">";
        }
    }

    static SamplingTrace trace(
            SamplingPipeline pipeline, Vocabulary vocabulary, long seed, int candidates, float[] logits) {
        Tracer tracer = Tracer.builder().candidates(candidates).build();
        pipeline.start(new int[0], vocabulary, seed).sample(logits.clone(), tracer);
        return tracer.trace();
    }

    static float[] gaussian(int size, double sd, Random random) {
        float[] logits = new float[size];
        for (int i = 0; i < size; i++) {
            logits[i] = (float) (sd * random.nextGaussian());
        }
        return logits;
    }

    private static float[] values(Logits logits, int size) {
        float[] values = new float[size];
        for (int id = 0; id < size; id++) {
            values[id] = logits.ofToken(id);
        }
        return values;
    }

    private static double entropy(double... probabilities) {
        double entropy = 0;
        for (double p : probabilities) {
            entropy -= p * Math.log(p);
        }
        return entropy;
    }
}
