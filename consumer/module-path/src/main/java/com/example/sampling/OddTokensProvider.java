package com.example.sampling;

import dev.tempera.LogitsProcessor;
import dev.tempera.LogitsProcessorProvider;
import dev.tempera.Options;
import java.util.Map;
import java.util.function.Function;

/** A user's own processor, registered under a name: only odd token ids stay. */
public final class OddTokensProvider implements LogitsProcessorProvider {
    @Override
    public Map<String, Function<Options, LogitsProcessor>> processors() {
        return Map.of("odd_tokens", options -> (logits, context) -> logits.retainIf((id, logit) -> id % 2 == 1));
    }
}
