package dev.tempera.examples;

import dev.tempera.SamplingParameters;
import dev.tempera.djl.DjlEngine;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenStream;
import dev.tempera.samplemodel.SampleModel;

/** A text as it comes, ended by the program after its second line. */
public final class StreamPoem {
    private StreamPoem() {}

    public static void main(String[] arguments) {
        SamplingParameters parameters =
                SamplingParameters.builder().temperature(0.5).seed(7).build();
        try (GenerationEngine engine = DjlEngine.open(SampleModel.path());
                TokenStream stream = engine.stream(GenerationRequest.of(Prompt.chat("请写一首关于秋月的五言绝句"), parameters))) {
            int lines = 0;
            while (stream.hasNext()) {
                String text = stream.next().text();
                System.out.print(text);
                if (text.contains("。") && ++lines == 2) {
                    stream.cancel();
                }
            }
            System.out.println(" (" + stream.result().finishReason() + ")");
        }
    }
}
