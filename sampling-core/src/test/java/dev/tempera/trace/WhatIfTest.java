package dev.tempera.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tempera.Dialect;
import dev.tempera.InvalidLogitsException;
import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Sampler;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Ties;
import dev.tempera.TokenScope;
import dev.tempera.Vocabulary;
import dev.tempera.processor.AllowedTokens;
import dev.tempera.processor.BadWords;
import dev.tempera.processor.ClassifierFreeGuidance;
import dev.tempera.processor.Dry;
import dev.tempera.processor.EpsilonCutoff;
import dev.tempera.processor.EtaCutoff;
import dev.tempera.processor.FrequencyPenalty;
import dev.tempera.processor.LogitBias;
import dev.tempera.processor.MinP;
import dev.tempera.processor.MinTokens;
import dev.tempera.processor.MirostatV2;
import dev.tempera.processor.NoRepeatNGram;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.SlopedRepetitionPenalty;
import dev.tempera.processor.SuppressTokens;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopA;
import dev.tempera.processor.TopH;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopNSigma;
import dev.tempera.processor.TopP;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a trace says of another pipeline, against that pipeline on the full logits. */
class WhatIfTest {
    private static final int ROWS = 3000;
    private static final int STEPS = 4;
    private static final double ROUNDING = 1e-9;

    private enum Shape {
        FLAT {
            @Override
            float logit(Random random) {
                return (float) random.nextGaussian();
            }
        },
        USUAL {
            @Override
            float logit(Random random) {
                return (float) (3 * random.nextGaussian());
            }
        },
        PEAKED {
            @Override
            float logit(Random random) {
                return (float) (2 * random.nextGaussian() + (random.nextInt(500) == 0 ? 12 * random.nextDouble() : 0));
            }
        },
        WIDE {
            @Override
            float logit(Random random) {
                return (float) (30 * random.nextGaussian());
            }
        },
        BFLOAT16 {
            @Override
            float logit(Random random) {
                return Float.intBitsToFloat(Float.floatToRawIntBits(USUAL.logit(random)) & 0xffff0000);
            }
        },
        EQUAL {
            @Override
            float logit(Random random) {
                return 2;
            }
        },
        MASKED {
            @Override
            float logit(Random random) {
                return random.nextInt(3) == 0 ? Float.NEGATIVE_INFINITY : USUAL.logit(random);
            }
        };

        abstract float logit(Random random);

        float[] of(int size, Random random) {
            float[] logits = new float[size];
            for (int i = 0; i < size; i++) {
                logits[i] = logit(random);
            }
            return logits;
        }
    }

    /** A text, its trace and the logits it was drawn from. */
    private record Run(SamplingTrace trace, List<float[]> logits) {
        static Run of(Shape shape, SamplingPipeline pipeline, int candidates, long seed) {
            Random random = new Random(seed);
            SequenceSampler sampler = pipeline.start(new int[] {1, 2, 3}, Vocabulary.ofRows(ROWS), new int[] {9}, seed);
            Tracer tracer = Tracer.builder().candidates(candidates).build();
            List<float[]> all = new ArrayList<>();
            for (int i = 0; i < STEPS; i++) {
                float[] logits = shape.of(ROWS, random);
                all.add(logits);
                sampler.sample(logits.clone(), tracer);
            }
            return new Run(tracer.trace(), all);
        }

        /** By the full logits, step by step. */
        List<Double> under(SamplingPipeline pipeline) {
            SequenceSampler sampler = pipeline.start(new int[] {1, 2, 3}, Vocabulary.ofRows(ROWS), new int[] {9}, 77);
            List<Double> result = new ArrayList<>();
            for (TraceStep step : trace.steps()) {
                Logits left = sampler.distribution(logits.get(step.position()).clone());
                result.add(left.ofToken(step.tokenId()) - left.logSumExp());
                sampler.accept(step.tokenId());
            }
            return result;
        }
    }

    @ParameterizedTest
    @EnumSource
    void bounds_holdTheTrueValue(Shape shape) {
        int told = 0;
        int narrow = 0;
        int refused = 0;
        for (int seed = 0; seed < 150; seed++) {
            Random random = new Random(1000L * shape.ordinal() + seed);
            int candidates = new int[] {1, 5, 20, 120}[random.nextInt(4)];
            Run run = Run.of(shape, source(random), candidates, seed);
            SamplingPipeline target = target(random);
            TextWhatIf whatIf;
            try {
                whatIf = WhatIf.of(run.trace).under(target);
            } catch (InvalidParametersException e) {
                refused++;
                continue;
            }
            List<Double> truth;
            try {
                truth = run.under(target);
            } catch (InvalidLogitsException e) {
                continue; // its constraints leave nothing
            }
            for (int i = 0; i < STEPS; i++) {
                Bounds bounds = whatIf.steps().get(i).logProbability();
                assertThat(truth.get(i))
                        .as("%s, seed %d, %d candidates, step %d, %s", shape, seed, candidates, i, target)
                        .isBetween(bounds.lower() - ROUNDING, bounds.upper() + ROUNDING);
                told++;
                narrow += bounds.width() < 0.02 ? 1 : 0;
            }
        }
        assertThat(refused).isLessThan(20);
        assertThat(narrow).as("narrower than 0.02, of %d", told).isGreaterThan(told / 5);
    }

    private static SamplingPipeline source(Random random) {
        double t = new double[] {0.5, 1, 1.5}[random.nextInt(3)];
        return random.nextBoolean()
                ? SamplingPipeline.of(new Temperature(t))
                : SamplingPipeline.of(new RepetitionPenalty(1.2), new Temperature(t), new TopP(0.95));
    }

    private static SamplingPipeline target(Random random) {
        SamplingPipeline.Builder pipeline = SamplingPipeline.builder();
        int stages = 1 + random.nextInt(4);
        for (int i = 0; i < stages; i++) {
            pipeline.add(stage(random));
        }
        return pipeline.sampler(random.nextInt(10) == 0 ? Sampler.GREEDY : Sampler.CATEGORICAL)
                .build();
    }

    private static LogitsProcessor stage(Random random) {
        int minKeep = random.nextInt(4) == 0 ? 1 + random.nextInt(30) : 1;
        switch (random.nextInt(18)) {
            case 0, 1, 2, 3 -> {
                return new Temperature(new double[] {0.2, 0.5, 0.8, 1.2, 1.5, 2}[random.nextInt(6)]);
            }
            case 4 -> {
                return new TopK(1 + random.nextInt(60), Ties.values()[random.nextInt(2)]);
            }
            case 5, 6 -> {
                return new TopP(new double[] {0, 0.3, 0.5, 0.9, 0.99, 1}[random.nextInt(6)], minKeep);
            }
            case 7 -> {
                return new MinP(new double[] {0, 0.001, 0.05, 0.3, 1}[random.nextInt(5)], minKeep);
            }
            case 8 -> {
                return new TopA(new double[] {0, 0.05, 0.3}[random.nextInt(3)], minKeep);
            }
            case 9 -> {
                return new EpsilonCutoff(new double[] {0, 3e-4, 0.01}[random.nextInt(3)], minKeep);
            }
            case 10 -> {
                return new TopNSigma(new double[] {0.5, 1, 2, 3}[random.nextInt(4)], minKeep);
            }
            case 11 -> {
                return new RepetitionPenalty(1 + random.nextInt(4) * 0.25);
            }
            case 12 -> {
                return new PresencePenalty(random.nextGaussian() * 2);
            }
            case 13 -> {
                return new FrequencyPenalty(0.7, 30, TokenScope.PROMPT_AND_GENERATED);
            }
            case 14 -> {
                return new LogitBias(Map.of(random.nextInt(ROWS), random.nextGaussian() * 5, 2, 1.0));
            }
            case 15 -> {
                return random.nextBoolean()
                        ? new MinTokens(2)
                        : BadWords.ofTokenIds(List.of(List.of(random.nextInt(ROWS)), List.of(random.nextInt(ROWS))));
            }
            case 16 -> {
                return new LogitsProcessor[] {
                            new Dry(0.8),
                            new NoRepeatNGram(1),
                            new SlopedRepetitionPenalty(1.4, 0.5, 30, TokenScope.PROMPT_AND_GENERATED),
                            new SuppressTokens(List.of(random.nextInt(ROWS), 2))
                        }
                        [random.nextInt(4)];
            }
            default -> {
                return random.nextBoolean()
                        ? new TopH(0.6)
                        : new AllowedTokens(IntStream.range(0, ROWS - random.nextInt(1000))
                                .boxed()
                                .toList());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.2, 0.5, 0.7, 1, 1.3, 2})
    void temperature_ofUsualLogits_isKnownWithinAThousandth(double temperature) {
        SamplingPipeline target = SamplingPipeline.of(new Temperature(temperature));
        for (int seed = 0; seed < 20; seed++) {
            Run run = Run.of(Shape.USUAL, SamplingPipeline.of(), 20, seed);
            for (StepWhatIf step : WhatIf.of(run.trace).under(target).steps()) {
                assertThat(step.logProbability().width()).isLessThan(1e-3);
            }
        }
    }

    @Test
    void ownPipeline_isWhatWasDrawnFrom() {
        SamplingPipeline pipeline = SamplingPipeline.of(new RepetitionPenalty(1.3), new TopK(20), new Temperature(0.8));
        for (int seed = 0; seed < 20; seed++) {
            Run run = Run.of(Shape.USUAL, pipeline, 40, seed);
            TextWhatIf same = WhatIf.of(run.trace).under(pipeline);
            for (TraceStep step : run.trace.steps()) {
                StepWhatIf whatIf = same.steps().get(step.position());
                assertThat(whatIf.logProbability().isExact()).isTrue();
                assertThat(whatIf.logProbability().lower()).isCloseTo(step.exactLogProbability(), within(ROUNDING));
                assertThat(whatIf.sameNumber()).hasValue(step.tokenId());
            }
            assertThat(same.logProbability().upper()).isCloseTo(run.trace.logProbability(), within(ROUNDING));
        }
    }

    @Test
    void sameNumber_isWhatTheOtherPipelineDraws() {
        int told = 0;
        for (int seed = 0; seed < 200; seed++) {
            Run run = Run.of(Shape.PEAKED, SamplingPipeline.of(), 20, seed);
            SamplingPipeline target = target(new Random(seed));
            TextWhatIf whatIf;
            try {
                whatIf = WhatIf.of(run.trace).under(target);
            } catch (InvalidParametersException e) {
                continue;
            }
            SequenceSampler sampler = target.start(new int[] {1, 2, 3}, Vocabulary.ofRows(ROWS), new int[] {9}, seed);
            for (TraceStep step : run.trace.steps()) {
                SequenceSampler fork = sampler.fork(seed);
                int drawn;
                try {
                    drawn = fork.sample(run.logits.get(step.position()).clone());
                } catch (InvalidLogitsException e) {
                    break; // its constraints leave nothing
                }
                var sameNumber = whatIf.steps().get(step.position()).sameNumber();
                if (sameNumber.isPresent()) {
                    told++;
                    assertThat(sameNumber.getAsInt())
                            .as("seed %d, %s", seed, target)
                            .isEqualTo(drawn);
                }
                sampler.accept(step.tokenId());
            }
        }
        assertThat(told).isGreaterThan(200);
    }

    @Test
    void allCandidates_makeEverythingExact() {
        Run run = Run.of(Shape.USUAL, SamplingPipeline.of(), ROWS, 5);
        SamplingPipeline target = SamplingPipeline.of(new EtaCutoff(0.001), new TopH(0.9), new Temperature(1.7));
        TextWhatIf whatIf = WhatIf.of(run.trace).under(target);
        for (int i = 0; i < STEPS; i++) {
            Bounds bounds = whatIf.steps().get(i).logProbability();
            assertThat(bounds.isExact()).isTrue();
            assertThat(bounds.lower()).isEqualTo(run.under(target).get(i), within(ROUNDING));
        }
    }

    @Test
    void parameters_followTheirDialect() {
        Run run = Run.of(Shape.USUAL, SamplingPipeline.of(), 20, 6);
        SamplingParameters parameters =
                SamplingParameters.builder().temperature(0.6).topP(0.8).build();
        assertThat(WhatIf.of(run.trace).under(parameters, Dialect.LLAMA_CPP))
                .isEqualTo(WhatIf.of(run.trace).under(parameters.toPipeline(Dialect.LLAMA_CPP)));
    }

    @Test
    void mostLikelyToDiffer_comesFirst() {
        Run run = Run.of(Shape.PEAKED, SamplingPipeline.of(), 20, 11);
        List<StepWhatIf> steps = WhatIf.of(run.trace)
                .under(SamplingPipeline.of(new Temperature(0.3)))
                .mostLikelyToDiffer();
        assertThat(steps).hasSize(STEPS);
        assertThat(steps)
                .isSortedAccordingTo((a, b) -> Double.compare(
                        a.logProbability().upper(), b.logProbability().upper()));
    }

    @Test
    void whatTheTraceDoesNotHave_isRefused() {
        SamplingTrace trace = Run.of(Shape.USUAL, SamplingPipeline.of(), 20, 1).trace;
        WhatIf whatIf = WhatIf.of(trace);
        assertThatThrownBy(() -> whatIf.under(SamplingPipeline.of(new EtaCutoff(0.001))))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("step 0: " + new EtaCutoff(0.001) + " needs every token that is left there, but the trace"
                        + " lists 20 of 3000 tokens: trace with more candidates, or put a top-k before it");
        assertThatThrownBy(() -> whatIf.under(SamplingPipeline.of(new TopH(0.5))))
                .hasMessageContaining("needs the 100 most probable tokens, but the trace lists 20 of 3000 tokens");
        assertThatThrownBy(() -> whatIf.under(SamplingPipeline.builder()
                        .sampler(new MirostatV2(3, 0.1))
                        .build()))
                .hasMessageEndingWith(
                        " learns from what it draws itself: what it would have learnt from this text is not in the trace");
        assertThatThrownBy(() -> whatIf.under(SamplingPipeline.of(BadWords.of("spring"))))
                .hasMessage("a trace has no tokenizer: give token ids instead of \"spring\"");
        assertThatThrownBy(() -> whatIf.under(SamplingPipeline.of(new ClassifierFreeGuidance(1.5))))
                .hasMessage(new ClassifierFreeGuidance(1.5)
                        + " needs the logits of another prompt, which a trace does not keep");
        assertThatThrownBy(() -> WhatIf.of(trace, Vocabulary.ofRows(7)))
                .hasMessage("vocabulary must have the rows of the trace (3000), got 7");
    }

    @Test
    void infiniteLogit_isRefused() {
        float[] logits = new float[ROWS];
        logits[3] = Float.POSITIVE_INFINITY;
        SamplingTrace trace = TracerTest.trace(SamplingPipeline.of(), Vocabulary.ofRows(ROWS), 0, 20, logits);
        assertThatThrownBy(() -> WhatIf.of(trace).under(SamplingPipeline.of()))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("step 0 has a logit of +inf: nothing can be said of it");
    }
}
