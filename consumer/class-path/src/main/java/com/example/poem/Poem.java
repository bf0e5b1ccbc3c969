package com.example.poem;

import dev.tempera.SamplingParameters;
import dev.tempera.djl.DjlEngine;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.samplemodel.SampleModel;

/** Writes a poem with the sample model, on the class path. */
public final class Poem {
    private Poem() {}

    public static void main(String[] arguments) {
        SamplingParameters parameters = SamplingParameters.builder()
                .temperature(0.3)
                .topP(0.9)
                .maxTokens(64)
                .seed(1)
                .build();
        try (GenerationEngine engine = DjlEngine.open(SampleModel.path())) {
            GenerationResult result =
                    engine.generate(GenerationRequest.of(Prompt.chat("请写一首关于春天的诗"), parameters));
            if (result.text().codePoints().filter(c -> Character.UnicodeScript.of(c) == Character.UnicodeScript.HAN).count() < 20) {
                throw new AssertionError("not a poem: " + result.text());
            }
            System.out.println("class path: " + result.text().replace('\n', ' ') + " (" + result.finishReason() + ")");
        }
    }
}
