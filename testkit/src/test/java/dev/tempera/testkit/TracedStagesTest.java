package dev.tempera.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.LogitsProcessors;
import dev.tempera.ProcessorSpec;
import dev.tempera.Sampler;
import dev.tempera.Samplers;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import dev.tempera.trace.Bounds;
import dev.tempera.trace.SamplingTrace;
import dev.tempera.trace.TraceStep;
import dev.tempera.trace.TracedStage;
import dev.tempera.trace.Tracer;
import dev.tempera.trace.WhatIf;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every registered processor and sampler is in the trace under its name, with figures that can be written as JSON. */
class TracedStagesTest {
    private static final int ROWS = 300;
    private static final int TOKENS = 15;
    private static final Vocabulary VOCABULARY = new RegisteredProcessorsTest().vocabulary();

    static List<ProcessorSpec> processors() {
        return RegisteredProcessorsTest.SPECS;
    }

    static List<ProcessorSpec> samplers() {
        return RegisteredSamplersTest.SPECS;
    }

    @ParameterizedTest
    @MethodSource("processors")
    void processor_isInTheTrace(ProcessorSpec spec) {
        LogitsProcessor processor = LogitsProcessors.create(spec);
        SamplingPipeline pipeline = SamplingPipeline.of(processor);
        SamplingTrace trace = trace(pipeline);

        assertThat(trace.header().pipeline()).containsExactly(processor.toString(), "Categorical[]");
        check(trace);
        whatIfOfItself(trace, pipeline);
    }

    @ParameterizedTest
    @MethodSource("samplers")
    void sampler_isInTheTrace(ProcessorSpec spec) {
        Sampler sampler = Samplers.create(spec);
        SamplingPipeline pipeline = SamplingPipeline.builder().sampler(sampler).build();
        SamplingTrace trace = trace(pipeline);

        assertThat(trace.header().pipeline()).containsExactly(sampler.toString());
        check(trace);
        whatIfOfItself(trace, pipeline);
    }

    private static SamplingTrace trace(SamplingPipeline pipeline) {
        SequenceSampler sampler = pipeline.start(new int[] {7, 3, 11, 3}, VOCABULARY, new int[] {0, 5}, 1);
        Tracer tracer = Tracer.builder().candidates(ROWS).build();
        Random random = new Random(6);
        while (sampler.history().generatedSize() < TOKENS) {
            float[] logits = new float[ROWS];
            for (int i = 0; i < ROWS; i++) {
                // The tokens that the processors are told of come often.
                logits[i] = (float) (2 * random.nextGaussian()) + (i < 12 ? 3 : 0);
            }
            sampler.sample(logits, tracer);
        }
        return tracer.trace();
    }

    private static void check(SamplingTrace trace) {
        assertThat(trace.steps()).hasSize(TOKENS);
        for (TraceStep step : trace.steps()) {
            assertThat(step.stages())
                    .extracting(TracedStage::name)
                    .isEqualTo(trace.header().pipeline());
            assertThat(step.exactLogProbability()).isFinite().isNotPositive();
            assertThat(step.processedLogProbability()).isFinite().isNotPositive();
            assertThat(step.kept()).isPositive();
            for (TracedStage stage : step.stages()) {
                assertThat(stage.removedMass()).isBetween(0.0, 1.0);
                assertThat(stage.entropyAfter()).isBetween(0.0, Math.log(stage.kept()) + 1e-9);
            }
        }
        trace.toMaps().forEach(TracedStagesTest::assertJson);
        assertThat(SamplingTrace.fromMaps(trace.toMaps())).isEqualTo(trace);
    }

    private static void assertJson(Object value) {
        if (value instanceof Map<?, ?> map) {
            assertThat(map.keySet()).allSatisfy(key -> assertThat(key).isInstanceOf(String.class));
            map.values().forEach(TracedStagesTest::assertJson);
        } else if (value instanceof List<?> list) {
            list.forEach(TracedStagesTest::assertJson);
        } else if (value instanceof Number number) {
            assertThat(number.doubleValue()).isFinite();
        } else {
            assertThat(value).isInstanceOfAny(String.class, Boolean.class);
        }
    }

    /** With all candidates listed and nothing taken back, the trace gives back what it tells itself. */
    private static void whatIfOfItself(SamplingTrace trace, SamplingPipeline pipeline) {
        List<Bounds> again;
        try {
            again = WhatIf.of(trace, VOCABULARY).under(pipeline).steps().stream()
                    .map(step -> step.logProbability())
                    .toList();
        } catch (InvalidParametersException e) {
            assertThat(e).hasMessageContaining("learns from what it draws itself");
            return;
        }
        for (TraceStep step : trace.steps()) {
            Bounds bounds = again.get(step.position());
            assertThat(bounds.isExact()).isTrue();
            if (trace.header().takenBack() == 0) {
                assertThat(bounds.lower()).isCloseTo(step.exactLogProbability(), within(1e-9));
            }
        }
    }
}
