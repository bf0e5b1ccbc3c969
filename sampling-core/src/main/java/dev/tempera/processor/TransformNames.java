package dev.tempera.processor;

import dev.tempera.LogitsProcessor;
import dev.tempera.Options;
import java.util.Map;
import java.util.function.Function;

/** Processors that move logits, by name. */
final class TransformNames {
    static final Map<String, Function<Options, LogitsProcessor>> ALL = Map.ofEntries(
            Map.entry("temperature", o -> new Temperature(o.requireDouble("value"))),
            Map.entry("logit_bias", o -> new LogitBias(OptionValues.biases(o))));

    private TransformNames() {}
}
