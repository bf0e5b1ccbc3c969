package dev.tempera.examples;

import dev.tempera.Dialect;
import dev.tempera.SamplingParameters;
import dev.tempera.djl.DjlEngine;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import dev.tempera.samplemodel.SampleModel;
import dev.tempera.trace.Bounds;
import dev.tempera.trace.Reweighting;
import dev.tempera.trace.SamplingTrace;
import dev.tempera.trace.TraceStep;
import dev.tempera.trace.WhatIf;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/** Why each character of a poem was drawn, and what one temperature tells of the next, without another run. */
public final class WhyThisToken {
    private WhyThisToken() {}

    public static void main(String[] arguments) {
        List<SamplingTrace> traces = new ArrayList<>();
        try (GenerationEngine engine = DjlEngine.open(SampleModel.path())) {
            for (int seed = 1; seed <= 20; seed++) {
                traces.add(trace(engine, seed));
            }
        }

        SamplingTrace trace = traces.get(0);
        for (TraceStep step : trace.steps()) {
            double p = Math.exp(step.exactLogProbability());
            System.out.printf(Locale.ROOT, "%s %.3f of %d, rank %d%n", step.text(), p, step.kept(), step.rank());
        }

        SamplingParameters colder =
                SamplingParameters.builder().temperature(0.9).build();
        Bounds other = WhatIf.of(trace).under(colder, Dialect.VLLM).logProbability();
        System.out.println("log-probability " + trace.logProbability() + ", at 0.9 it would be " + other);

        Reweighting reweighting = Reweighting.of(traces, colder, Dialect.VLLM);
        double likeliest = reweighting.mean(WhyThisToken::likeliest);
        System.out.printf(
                Locale.ROOT,
                "20 poems at 1.0 are worth %.1f at 0.9; there %.1f of 12 characters are the likeliest%n",
                reweighting.effectiveSampleSize(),
                likeliest);
    }

    private static double likeliest(SamplingTrace trace) {
        return trace.steps().stream().filter(step -> step.rank() == 1).count();
    }

    private static SamplingTrace trace(GenerationEngine engine, int seed) {
        GenerationRequest request = GenerationRequest.builder()
                .prompt(Prompt.chat("请写一首关于春天的诗"))
                .parameters(
                        SamplingParameters.builder().maxTokens(12).seed(seed).build())
                .trace(true)
                .build();
        return Objects.requireNonNull(engine.generate(request).trace());
    }
}
