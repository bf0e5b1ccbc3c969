package com.example.sampling;

import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopP;
import java.util.Map;

/** Draws from plain arrays with processors of both jars, on the module path. */
public final class Draw {
    private Draw() {}

    public static void main(String[] arguments) {
        if (!SamplingPipeline.class.getModule().isNamed()) {
            throw new AssertionError("Tempera is not on the module path");
        }
        SamplingPipeline pipeline = SamplingPipeline.builder()
                .add(new Temperature(0.7))
                .add("odd_tokens", Map.of())
                .add(new TopP(0.9, 1))
                .build();
        float[] logits = {9f, 1f, 8f, 2f, 7f, 3f, 6f, 4f};
        SequenceSampler sampler = pipeline.start(new int[] {0}, Vocabulary.ofRows(logits.length), 7L);
        int[] counts = new int[logits.length];
        for (int step = 0; step < 1000; step++) {
            int tokenId = sampler.sample(logits.clone());
            counts[tokenId]++;
        }
        for (int tokenId = 0; tokenId < counts.length; tokenId += 2) {
            if (counts[tokenId] > 0) {
                throw new AssertionError("odd_tokens let token " + tokenId + " through");
            }
        }
        if (counts[7] < 700 || counts[5] == 0) {
            throw new AssertionError("top_p 0.9 keeps tokens 7 and 5, with 0.81 and 0.19; drew " + counts[7] + " x 7");
        }
        System.out.println("module path: " + SamplingPipeline.class.getModule() + ", drew " + counts[7] + " x 7, "
                + counts[5] + " x 5");
    }
}
