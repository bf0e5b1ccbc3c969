package dev.tempera.processor;

import dev.tempera.LogitsProcessor;
import dev.tempera.Options;
import java.util.Map;
import java.util.function.Function;

/** Processors that move logits, by name. */
final class TransformNames {
    static final Map<String, Function<Options, LogitsProcessor>> ALL = Map.ofEntries(
            Map.entry("temperature", o -> new Temperature(o.requireDouble("value"))),
            Map.entry(
                    "dynamic_temperature",
                    o -> new DynamicTemperature(
                            o.requireDouble("low"),
                            o.requireDouble("high"),
                            o.getDouble("exponent", 1),
                            o.getBoolean("count_masked", false))),
            Map.entry("smoothing", o -> new QuadraticSmoothing(o.requireDouble("factor"), o.getDouble("curve", 1))),
            Map.entry("skew", o -> new Skew(o.requireDouble("skew"))),
            Map.entry("softcap", o -> new Softcap(o.requireDouble("cap"))),
            Map.entry("renormalize", o -> new Renormalize()),
            Map.entry("remove_invalid_values", o -> new RemoveInvalidValues(o.getBoolean("lift_masked", false))),
            Map.entry("logit_bias", o -> new LogitBias(OptionValues.biases(o))),
            Map.entry(
                    "sequence_bias",
                    o -> new SequenceBias(
                            OptionValues.sequenceBiases(o), o.getBoolean("whole_sequence_must_fit", true))),
            Map.entry("classifier_free_guidance", o -> new ClassifierFreeGuidance(o.requireDouble("scale"))),
            Map.entry(
                    "exponential_decay_length_penalty",
                    o -> new ExponentialDecayLengthPenalty(o.requireInt("start"), o.requireDouble("factor"))));

    private TransformNames() {}
}
