package dev.tempera.examples;

import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;

/** Sampling alone, for logits that come from somewhere else: another engine, a server, a file. */
public final class DrawFromLogits {
    private DrawFromLogits() {}

    public static void main(String[] arguments) {
        SamplingPipeline pipeline =
                SamplingParameters.builder().temperature(0.7).topP(0.9).build().toPipeline();
        int[] prompt = {3, 1, 4};
        SequenceSampler sampler = pipeline.start(prompt, Vocabulary.ofRows(5), 42);
        for (int step = 0; step < 8; step++) {
            float[] logits = {1.0f, 3.0f, 2.5f, -1.0f, 0.5f}; // a model's answer for this position
            System.out.print(sampler.sample(logits) + " ");
        }
        System.out.println("drawn by " + pipeline);
    }
}
