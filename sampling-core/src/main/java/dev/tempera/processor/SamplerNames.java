package dev.tempera.processor;

import dev.tempera.Options;
import dev.tempera.Sampler;
import java.util.Map;
import java.util.function.Function;

/** What chooses the token, by name. */
final class SamplerNames {
    static final Map<String, Function<Options, Sampler>> ALL = Map.ofEntries(
            Map.entry("greedy", o -> Sampler.GREEDY),
            Map.entry("categorical", o -> Sampler.CATEGORICAL),
            Map.entry("gumbel_max", o -> new GumbelMax()),
            Map.entry(
                    "mirostat", o -> new Mirostat(o.getDouble("tau", 5), o.getDouble("eta", 0.1), o.getInt("m", 100))),
            Map.entry("mirostat_v2", o -> new MirostatV2(o.getDouble("tau", 5), o.getDouble("eta", 0.1))),
            Map.entry("adaptive_p", o -> new AdaptiveP(o.requireDouble("target"), o.getDouble("decay", 0.9))));

    private SamplerNames() {}
}
