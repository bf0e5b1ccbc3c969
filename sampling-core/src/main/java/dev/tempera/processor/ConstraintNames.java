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
            Map.entry("min_tokens", o -> new MinTokens(o.requireInt("min_tokens"))),
            Map.entry(
                    "bad_words",
                    o -> new BadWords(
                            OptionValues.sequences(o),
                            o.getStrings("words"),
                            OptionValues.scope(o, TokenScope.GENERATED),
                            o.getBoolean("whole_word_must_fit", false))));

    private ConstraintNames() {}
}
