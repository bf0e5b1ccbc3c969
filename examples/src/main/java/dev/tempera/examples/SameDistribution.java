package dev.tempera.examples;

import static java.util.stream.Collectors.counting;
import static java.util.stream.Collectors.groupingBy;

import dev.tempera.SamplingParameters;
import dev.tempera.djl.DjlEngine;
import dev.tempera.djl.Dtype;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import dev.tempera.samplemodel.SampleModel;
import dev.tempera.tokenizer.ModelTokenizer;
import dev.tempera.trace.TraceStep;
import dev.tempera.trace.TracedCandidate;
import dev.tempera.vllm.VllmEngine;
import java.net.URI;
import java.util.Map;
import java.util.Objects;

/**
 * The same parameters on both engines: with which probability this JVM would draw each token, and how often a vLLM server
 * of the same model does. The argument is the server's address; {@code engine-vllm-client/src/it/vllm/serve} starts one.
 */
public final class SameDistribution {
    private static final int DRAWS = 2000;

    private SameDistribution() {}

    public static void main(String[] arguments) {
        URI address = URI.create(arguments.length > 0 ? arguments[0] : "http://localhost:8000");
        // In float32, as that script serves it: in bfloat16 two tokens at the edge of top_k may tie.
        try (GenerationEngine local = DjlEngine.builder(SampleModel.path())
                        .dtype(Dtype.FLOAT32)
                        .open();
                ModelTokenizer tokenizer = ModelTokenizer.open(SampleModel.path());
                VllmEngine server =
                        VllmEngine.builder(address).tokenizer(tokenizer).open()) {
            compare(local, server);
        }
    }

    /** @return the total variation distance */
    static double compare(GenerationEngine local, VllmEngine server) {
        Prompt prompt = Prompt.chat("请写一首关于春天的诗");
        SamplingParameters parameters = SamplingParameters.builder()
                .temperature(0.8)
                .topK(8)
                .minP(0.05)
                .maxTokens(1)
                .build();
        Map<Integer, Long> drawn = server.generate(GenerationRequest.of(prompt, parameters), DRAWS).stream()
                .collect(groupingBy(result -> result.tokenIds().get(0), counting()));
        double distance = 0;
        for (TracedCandidate token : firstStep(local, prompt, parameters).candidates()) {
            double here = Math.exp(token.logProbability());
            double there = drawn.getOrDefault(token.tokenId(), 0L) / (double) DRAWS;
            if (here > 0 || there > 0) {
                System.out.printf("%s  here %.3f, on the server %.3f%n", token.text(), here, there);
            }
            distance += Math.max(0, here - there); // everything that can be drawn here is among the candidates
        }
        System.out.printf("total variation distance %.3f%n", distance);
        return distance;
    }

    private static TraceStep firstStep(GenerationEngine engine, Prompt prompt, SamplingParameters parameters) {
        GenerationRequest request = GenerationRequest.builder()
                .prompt(prompt)
                .parameters(parameters)
                .trace(true)
                .build();
        return Objects.requireNonNull(engine.generate(request).trace()).steps().get(0);
    }
}
