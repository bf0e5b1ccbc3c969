package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.LogitsProcessorProvider;
import dev.tempera.Options;
import dev.tempera.Ties;
import dev.tempera.TokenScope;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/** Registers this package's processors under their names on the wire. */
public final class StandardProcessors implements LogitsProcessorProvider {
    /** For {@link java.util.ServiceLoader}. */
    public StandardProcessors() {}

    @Override
    public Map<String, Function<Options, LogitsProcessor>> processors() {
        Map<String, Function<Options, LogitsProcessor>> all = new TreeMap<>();
        all.put("temperature", o -> new Temperature(o.requireDouble("value")));
        all.put("top_k", o -> new TopK(o.requireInt("k"), ties(o)));
        all.put("top_p", o -> new TopP(o.requireDouble("p"), o.getInt("min_keep", 1)));
        all.put("min_p", o -> new MinP(o.requireDouble("p"), o.getInt("min_keep", 1)));
        all.put(
                "repetition_penalty",
                o -> new RepetitionPenalty(
                        o.requireDouble("penalty"), window(o), scope(o, TokenScope.PROMPT_AND_GENERATED)));
        all.put(
                "presence_penalty",
                o -> new PresencePenalty(o.requireDouble("penalty"), window(o), scope(o, TokenScope.GENERATED)));
        all.put(
                "frequency_penalty",
                o -> new FrequencyPenalty(o.requireDouble("penalty"), window(o), scope(o, TokenScope.GENERATED)));
        all.put(
                "distinct_token_penalty",
                o -> new DistinctTokenPenalty(
                        o.requireDouble("alpha"), window(o), scope(o, TokenScope.PROMPT_AND_GENERATED)));
        all.put("logit_bias", o -> new LogitBias(biases(o)));
        all.put("allowed_tokens", o -> new AllowedTokens(o.getInts("token_ids")));
        all.put("min_tokens", o -> new MinTokens(o.requireInt("min_tokens")));
        all.put("bad_words", StandardProcessors::badWords);
        return all;
    }

    private static LogitsProcessor badWords(Options o) {
        return new BadWords(
                sequences(o),
                o.getStrings("words"),
                scope(o, TokenScope.GENERATED),
                o.getBoolean("whole_word_must_fit", false));
    }

    private static int window(Options o) {
        int window = o.getInt("window", -1);
        return window == -1 ? Integer.MAX_VALUE : window;
    }

    private static TokenScope scope(Options o, TokenScope defaultScope) {
        return oneOf(o, "scope", TokenScope.values(), defaultScope);
    }

    private static Ties ties(Options o) {
        return oneOf(o, "ties", Ties.values(), Ties.KEEP_ALL);
    }

    private static <E extends Enum<E>> E oneOf(Options o, String name, E[] values, E defaultValue) {
        Object given = o.get(name);
        if (given == null) {
            return defaultValue;
        }
        List<String> known = new ArrayList<>();
        for (E value : values) {
            String wireName = value.name().toLowerCase(java.util.Locale.ROOT);
            if (wireName.equals(given)) {
                return value;
            }
            known.add(wireName);
        }
        throw new InvalidParametersException(name + " must be one of " + String.join(", ", known) + ", got " + given);
    }

    private static Map<Integer, Double> biases(Options o) {
        if (!(o.get("biases") instanceof Map<?, ?> map)) {
            throw new InvalidParametersException("biases must be an object of token ids and numbers");
        }
        Map<Integer, Double> biases = new TreeMap<>();
        map.forEach((key, value) -> {
            try {
                biases.put(Integer.valueOf(String.valueOf(key)), Double.valueOf(String.valueOf(value)));
            } catch (NumberFormatException e) {
                throw new InvalidParametersException(
                        "biases must be an object of token ids and numbers, got " + key + ": " + value);
            }
        });
        return biases;
    }

    private static List<List<Integer>> sequences(Options o) {
        Object given = o.get("token_ids");
        if (given == null) {
            return List.of();
        }
        List<List<Integer>> sequences = new ArrayList<>();
        for (Object sequence : given instanceof List<?> list ? list : List.of(given)) {
            sequences.add(
                    Options.of(Collections.singletonMap("token_ids", sequence)).getInts("token_ids"));
        }
        return sequences;
    }
}
