package dev.tempera.examples;

import dev.tempera.SamplingParameters;
import dev.tempera.djl.DjlEngine;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.samplemodel.SampleModel;
import java.nio.file.Path;

/** One text from one prompt. Argument: a model folder; without one, the sample model. */
public final class WritePoem {
    private WritePoem() {}

    public static void main(String[] arguments) {
        Path modelFolder = arguments.length == 0 ? SampleModel.path() : Path.of(arguments[0]);
        try (GenerationEngine engine = DjlEngine.open(modelFolder)) {
            SamplingParameters parameters = SamplingParameters.builder()
                    .temperature(0.7)
                    .topP(0.9)
                    .maxTokens(200)
                    .seed(42)
                    .build();
            GenerationResult result = engine.generate(GenerationRequest.of(Prompt.chat("请写一首关于春天的诗"), parameters));
            System.out.println(result.text());
        }
    }
}
