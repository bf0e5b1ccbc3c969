package dev.tempera.examples;

import dev.tempera.Dialect;
import dev.tempera.SamplingParameters;

/** The same parameters mean different things to vLLM, transformers and llama.cpp: which, and why. */
public final class WhyPeersDiffer {
    private WhyPeersDiffer() {}

    public static void main(String[] arguments) {
        SamplingParameters parameters = SamplingParameters.builder()
                .temperature(1.5)
                .topK(40)
                .topP(0.9)
                .repetitionPenalty(1.1)
                .build();
        for (Dialect dialect : Dialect.values()) {
            System.out.println(dialect.displayName() + ": " + parameters.toPipeline(dialect));
        }
        System.out.println(Dialect.difference(Dialect.VLLM, Dialect.LLAMA_CPP, parameters));
    }
}
