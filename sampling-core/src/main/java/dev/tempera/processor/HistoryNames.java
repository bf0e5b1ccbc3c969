package dev.tempera.processor;

import dev.tempera.LogitsProcessor;
import dev.tempera.Options;
import dev.tempera.TokenScope;
import java.util.Map;
import java.util.function.Function;

/** Processors that look at the text so far, by name. */
final class HistoryNames {
    static final Map<String, Function<Options, LogitsProcessor>> ALL = Map.ofEntries(
            Map.entry(
                    "repetition_penalty",
                    o -> new RepetitionPenalty(
                            o.requireDouble("penalty"),
                            OptionValues.window(o),
                            OptionValues.scope(o, TokenScope.PROMPT_AND_GENERATED))),
            Map.entry(
                    "presence_penalty",
                    o -> new PresencePenalty(
                            o.requireDouble("penalty"),
                            OptionValues.window(o),
                            OptionValues.scope(o, TokenScope.GENERATED))),
            Map.entry(
                    "frequency_penalty",
                    o -> new FrequencyPenalty(
                            o.requireDouble("penalty"),
                            OptionValues.window(o),
                            OptionValues.scope(o, TokenScope.GENERATED))),
            Map.entry(
                    "distinct_token_penalty",
                    o -> new DistinctTokenPenalty(
                            o.requireDouble("alpha"),
                            OptionValues.window(o),
                            OptionValues.scope(o, TokenScope.PROMPT_AND_GENERATED))),
            Map.entry(
                    "normalized_repetition_penalty",
                    o -> new NormalizedRepetitionPenalty(
                            o.requireDouble("penalty"),
                            OptionValues.window(o),
                            OptionValues.scope(o, TokenScope.PROMPT_AND_GENERATED))),
            Map.entry(
                    "sloped_repetition_penalty",
                    o -> new SlopedRepetitionPenalty(
                            o.requireDouble("penalty"),
                            o.requireDouble("slope"),
                            OptionValues.window(o),
                            OptionValues.scope(o, TokenScope.PROMPT_AND_GENERATED))),
            Map.entry(
                    "decaying_penalties",
                    o -> new DecayingPenalties(
                            o.getDouble("repetition_penalty", 1),
                            o.getDouble("presence_penalty", 0),
                            o.getDouble("frequency_penalty", 0),
                            OptionValues.window(o),
                            o.requireInt("decay"),
                            OptionValues.scope(o, TokenScope.PROMPT_AND_GENERATED))),
            Map.entry(
                    "dry",
                    o -> new Dry(
                            o.requireDouble("multiplier"),
                            o.getDouble("base", 1.75),
                            o.getInt("allowed_length", 2),
                            OptionValues.window(o),
                            OptionValues.sequences(o, "breaker_token_ids"),
                            o.getStrings("breakers"))),
            Map.entry(
                    "no_repeat_ngram",
                    o -> new NoRepeatNGram(
                            o.requireInt("ngram_size"),
                            OptionValues.window(o),
                            OptionValues.scope(o, TokenScope.PROMPT_AND_GENERATED),
                            o.getInts("exempt_token_ids"))),
            Map.entry(
                    "encoder_no_repeat_ngram",
                    o -> new EncoderNoRepeatNGram(o.requireInt("ngram_size"), o.getInts("input_token_ids"))),
            Map.entry(
                    "encoder_repetition_penalty",
                    o -> new EncoderRepetitionPenalty(o.requireDouble("penalty"), o.getInts("input_token_ids"))),
            Map.entry("exempt_tokens", o -> new ExemptTokens(o.getInts("token_ids"), OptionValues.processor(o))));

    private HistoryNames() {}
}
