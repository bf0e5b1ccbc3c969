package dev.tempera.examples;

import dev.tempera.SamplingParameters;
import dev.tempera.djl.DjlEngine;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.evaluation.Diversity;
import dev.tempera.presets.Presets;
import dev.tempera.samplemodel.SampleModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** One prompt at three temperatures, ten texts each in one batch, and how much the texts differ. */
public final class CompareTemperatures {
    private CompareTemperatures() {}

    public static void main(String[] arguments) {
        SamplingParameters creative = Presets.get("creative-writing").parameters();
        try (GenerationEngine engine = DjlEngine.open(SampleModel.path())) {
            for (double temperature : new double[] {0.2, 0.7, 1.2}) {
                List<GenerationRequest> requests = new ArrayList<>();
                for (int seed = 1; seed <= 10; seed++) {
                    SamplingParameters parameters = creative.toBuilder()
                            .temperature(temperature)
                            .maxTokens(100)
                            .seed(seed)
                            .build();
                    requests.add(GenerationRequest.of(Prompt.chat("请写一首关于春天的诗"), parameters));
                }
                List<String> texts = engine.generateAll(requests).stream()
                        .map(GenerationResult::text)
                        .toList();
                Diversity diversity = Diversity.of(texts);
                System.out.printf(Locale.ROOT, "%.1f: distinct-2 %.3f%n", temperature, diversity.distinct2());
            }
        }
    }
}
