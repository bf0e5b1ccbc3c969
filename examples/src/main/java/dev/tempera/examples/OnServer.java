package dev.tempera.examples;

import dev.tempera.SamplingParameters;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import dev.tempera.vllm.VllmEngine;
import java.net.URI;

/** The plan of a request and its text, on the vLLM server at the address that is the argument. */
public final class OnServer {
    private OnServer() {}

    public static void main(String[] arguments) {
        URI address = URI.create(arguments.length > 0 ? arguments[0] : "http://localhost:8000");
        SamplingParameters parameters = SamplingParameters.builder()
                .temperature(0.7)
                .topP(0.9)
                .maxTokens(200)
                .build();
        GenerationRequest request = GenerationRequest.of(Prompt.chat("请写一首关于春天的诗"), parameters);
        try (VllmEngine server = VllmEngine.builder(address).open()) {
            System.out.println(server.plan(request)); // where every stage runs, how exactly and at what cost
            System.out.println(server.generate(request).text());
        }
    }
}
