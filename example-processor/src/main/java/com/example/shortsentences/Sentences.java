package com.example.shortsentences;

import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import dev.tempera.processor.Temperature;
import java.util.List;
import java.util.Map;

/** The same model, made up of letters and a full stop, without and with the processor. */
public final class Sentences {
    private static final String TOKENS = "abcdefghijklmnopqrstuvwxyz.";
    private static final int END = TOKENS.indexOf('.');

    private Sentences() {}

    public static void main(String[] arguments) {
        System.out.println(text(SamplingPipeline.of(new Temperature(0.7))));

        LogitsProcessor endSoon = (logits, context) -> logits.addToToken(END, 2);
        System.out.println(text(SamplingPipeline.of(endSoon, new Temperature(0.7))));

        Map<String, ?> json = Map.of(
                "temperature",
                0.7,
                "processors",
                List.of(Map.of("name", "short_sentences", "end_token_id", END, "slope", 0.5)));
        System.out.println(text(SamplingParameters.fromMap(json).toPipeline()));
    }

    private static String text(SamplingPipeline pipeline) {
        SequenceSampler sampler = pipeline.start(new int[0], Vocabulary.ofRows(TOKENS.length()), 7);
        StringBuilder text = new StringBuilder();
        while (text.length() < 72) {
            text.append(TOKENS.charAt(sampler.sample(new float[TOKENS.length()])));
        }
        return text.toString();
    }
}
