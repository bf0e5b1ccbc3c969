package dev.tempera.processor;

import dev.tempera.LogitsProcessor;
import dev.tempera.LogitsProcessorProvider;
import dev.tempera.Options;
import dev.tempera.Sampler;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/** Registers this package's processors and samplers under their names on the wire. */
public final class StandardProcessors implements LogitsProcessorProvider {
    /** For {@link java.util.ServiceLoader}. */
    public StandardProcessors() {}

    @Override
    public Map<String, Function<Options, LogitsProcessor>> processors() {
        Map<String, Function<Options, LogitsProcessor>> all = new TreeMap<>();
        all.putAll(TransformNames.ALL);
        all.putAll(TruncationNames.ALL);
        all.putAll(HistoryNames.ALL);
        all.putAll(ConstraintNames.ALL);
        return all;
    }

    @Override
    public Map<String, Function<Options, Sampler>> samplers() {
        return SamplerNames.ALL;
    }
}
