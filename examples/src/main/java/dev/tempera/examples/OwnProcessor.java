package dev.tempera.examples;

import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.djl.DjlEngine;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopP;
import dev.tempera.samplemodel.SampleModel;

/** A processor of one's own: never the character 春 in a poem about spring. */
public final class OwnProcessor {
    private OwnProcessor() {}

    public static void main(String[] arguments) {
        try (DjlEngine engine = DjlEngine.open(SampleModel.path())) {
            int spring = engine.tokenizer().encode("春")[0];
            LogitsProcessor withoutSpring = (logits, context) -> logits.mask(spring);

            GenerationRequest request = GenerationRequest.builder()
                    .prompt(Prompt.chat("请写一首关于春天的诗"))
                    .pipeline(SamplingPipeline.of(withoutSpring, new Temperature(0.5), new TopP(0.9)))
                    .parameters(
                            SamplingParameters.builder().seed(3).maxTokens(100).build())
                    .build();
            System.out.println(engine.generate(request).text());
        }
    }
}
