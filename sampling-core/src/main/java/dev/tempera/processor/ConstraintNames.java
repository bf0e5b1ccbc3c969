package dev.tempera.processor;

import dev.tempera.LogitsProcessor;
import dev.tempera.Options;
import dev.tempera.TokenScope;
import java.util.Map;
import java.util.function.Function;

/** Processors that allow, forbid or force tokens, by name. */
final class ConstraintNames {
    static final Map<String, Function<Options, LogitsProcessor>> ALL = Map.ofEntries(
            Map.entry("allowed_tokens", o -> new AllowedTokens(o.getInts("token_ids"))),
            Map.entry(
                    "min_tokens",
                    o -> new MinTokens(o.requireInt("min_tokens"), OptionValues.scope(o, TokenScope.GENERATED))),
            Map.entry("suppress_tokens", o -> new SuppressTokens(o.getInts("token_ids"))),
            Map.entry(
                    "begin_suppress_tokens",
                    o -> new BeginSuppressTokens(
                            o.getInts("token_ids"),
                            o.getInt("begin_index", 0),
                            OptionValues.scope(o, TokenScope.GENERATED),
                            o.getBoolean("skips_forced_bos", false))),
            Map.entry("forced_bos", o -> new ForcedBos(o.requireInt("token_id"), o.getBoolean("over_masks", false))),
            Map.entry(
                    "forced_eos",
                    o -> new ForcedEos(
                            o.getInts("token_ids"),
                            o.requireInt("max_length"),
                            OptionValues.scope(o, TokenScope.PROMPT_AND_GENERATED),
                            o.getBoolean("over_masks", false))),
            Map.entry("forced_tokens", o -> new ForcedTokens(o.getInts("token_ids"), o.getInt("position", 0))),
            Map.entry(
                    "bad_words",
                    o -> new BadWords(
                            OptionValues.sequences(o),
                            o.getStrings("words"),
                            OptionValues.scope(o, TokenScope.GENERATED),
                            o.getBoolean("whole_word_must_fit", false))),
            Map.entry(
                    "banned_strings",
                    o -> new BannedStrings(
                            o.getStrings("strings"),
                            o.getStrings("patterns"),
                            o.getInt("max_length", BannedStrings.DEFAULT_MAX_LENGTH),
                            o.getBoolean("case_sensitive", false))),
            Map.entry(
                    "thinking_budget",
                    o -> new ThinkingBudget(
                            o.requireInt("budget"),
                            OptionValues.marker(o, "start", ThinkingBudget.THINK),
                            OptionValues.marker(o, "end", ThinkingBudget.END_OF_THINK),
                            OptionValues.marker(o, "message", ThinkingBudget.NOTHING))),
            Map.entry(
                    "green_list_watermark",
                    o -> new GreenListWatermark(
                            o.getDouble("gamma", 0.25),
                            o.getDouble("delta", 2),
                            o.requireLong("key"),
                            o.getInt("context_width", 1),
                            OptionValues.oneOf(
                                    o,
                                    "seeding",
                                    GreenListWatermark.Seeding.values(),
                                    GreenListWatermark.Seeding.LEFTHASH))));

    private ConstraintNames() {}
}
