package com.example.shortsentences;

import dev.tempera.LogitsProcessor;
import dev.tempera.LogitsProcessorProvider;
import dev.tempera.Options;
import java.util.Map;
import java.util.function.Function;

/** Gives the processor its name. */
public final class ShortSentencesProvider implements LogitsProcessorProvider {
    @Override
    public Map<String, Function<Options, LogitsProcessor>> processors() {
        return Map.of(
                "short_sentences",
                options -> new ShortSentences(options.requireInt("end_token_id"), options.getDouble("slope", 0.2)));
    }
}
