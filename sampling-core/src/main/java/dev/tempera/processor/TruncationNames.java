package dev.tempera.processor;

import dev.tempera.LogitsProcessor;
import dev.tempera.Options;
import java.util.Map;
import java.util.function.Function;

/** Processors that cut the unlikely off, by name. */
final class TruncationNames {
    static final Map<String, Function<Options, LogitsProcessor>> ALL = Map.ofEntries(
            Map.entry("top_k", o -> new TopK(o.requireInt("k"), OptionValues.ties(o))),
            Map.entry("top_p", o -> new TopP(o.requireDouble("p"), o.getInt("min_keep", 1))),
            Map.entry("min_p", o -> new MinP(o.requireDouble("p"), o.getInt("min_keep", 1))),
            Map.entry("top_a", o -> new TopA(o.requireDouble("a"), o.getInt("min_keep", 1))),
            Map.entry("top_h", o -> new TopH(o.requireDouble("h"))),
            Map.entry("top_n_sigma", o -> new TopNSigma(o.requireDouble("n"), o.getInt("min_keep", 1))),
            Map.entry(
                    "typical_p",
                    o -> new TypicalP(o.requireDouble("p"), o.getInt("min_keep", 1), OptionValues.ties(o))),
            Map.entry("epsilon_cutoff", o -> new EpsilonCutoff(o.requireDouble("epsilon"), o.getInt("min_keep", 1))),
            Map.entry("eta_cutoff", o -> new EtaCutoff(o.requireDouble("epsilon"), o.getInt("min_keep", 1))),
            Map.entry("tail_free", o -> new TailFree(o.requireDouble("z"), o.getInt("min_keep", 1))),
            Map.entry("infill", o -> new Infill()),
            Map.entry("p_less", o -> new PLess()),
            Map.entry(
                    "xtc",
                    o -> new Xtc(
                            o.requireDouble("probability"),
                            o.requireDouble("threshold"),
                            o.getInt("min_keep", 1),
                            o.getInts("protected_token_ids"),
                            o.getBoolean("marginalised", false))));

    private TruncationNames() {}
}
