package dev.tempera.app;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** One option per sampling parameter, made from {@link SamplingParameters#names}: a new parameter is one at once. */
final class SamplingOptions {
    /** How a value is typed and what it does, for help; a parameter that is not here takes a number. */
    private static final Map<String, String[]> HELP = help();

    private SamplingOptions() {}

    private static Map<String, String[]> help() {
        Map<String, String[]> help = new LinkedHashMap<>();
        help.put(
                "temperature",
                new String[] {"T", "Low is regular, high is adventurous; 0 decodes greedily, 1 is neutral."});
        help.put(
                "dynatemp_range",
                new String[] {"R", "The temperature moves by R around T with the entropy of each position; 0 is off."});
        help.put("dynatemp_exponent", new String[] {"E", "How the dynamic temperature follows the entropy."});
        help.put("smoothing_factor", new String[] {"F", "Pulls logits near the best one together; 0 is off."});
        help.put("smoothing_curve", new String[] {"C", "The cubic part of the smoothing; 1 is none."});
        help.put(
                "guidance_scale",
                new String[] {"S", "Classifier-free guidance away from the negative prompt; 1 is off."});
        help.put("top_k", new String[] {"K", "Only the K most probable tokens; 0 or -1 means all."});
        help.put("top_p", new String[] {"P", "Only the most probable tokens that together weigh P; 1 means all."});
        help.put("min_p", new String[] {"P", "Only tokens at least P times as probable as the best one; 0 means all."});
        help.put(
                "typical_p",
                new String[] {"P", "Only the tokens of most typical surprise that together weigh P; 1 means all."});
        help.put(
                "top_a",
                new String[] {"A", "Only tokens at least A times the square of the best probability; 0 means all."});
        help.put("tfs", new String[] {"Z", "Cuts the tail where the probabilities flatten out; 1 means no cut."});
        help.put(
                "top_n_sigma",
                new String[] {"N", "Only logits within N standard deviations of the best one; 0 or less means all."});
        help.put("top_h", new String[] {"H", "Only the head that holds this share of the entropy."});
        help.put("epsilon_cutoff", new String[] {"E", "Only tokens of at least this probability; 0 means all."});
        help.put("eta_cutoff", new String[] {"E", "As the epsilon cutoff, lower where the entropy is high; 0 means all."
        });
        help.put("xtc_probability", new String[] {"P", "How often the most probable tokens are left out; 0 is never."});
        help.put("xtc_threshold", new String[] {"P", "From which probability on a token counts as one of them."});
        help.put("min_keep", new String[] {"N", "How many tokens every cut leaves."});
        help.put(
                "repetition_penalty",
                new String[] {"R", "Above 1 makes tokens already seen less likely (prompt and text)."});
        help.put("presence_penalty", new String[] {"A", "Subtracted once from the logit of every token generated."});
        help.put(
                "frequency_penalty",
                new String[] {"A", "Subtracted from a token's logit for each time it was generated."});
        help.put("distinct_token_penalty", new String[] {"A", "Subtracted once from every distinct token already seen."
        });
        help.put("penalty_last_n", new String[] {"N", "How many tokens the penalties look back; -1 means all."});
        help.put(
                "exempt_markup_from_penalties",
                new String[] {"true|false", "Whether penalties spare chat markup such as <|im_end|>."});
        help.put("encoder_repetition_penalty", new String[] {"R", "Above 1 makes tokens of the prompt more likely."});
        help.put("dry_multiplier", new String[] {"M", "How strong DRY penalises going on with a repeat; 0 is off."});
        help.put("dry_base", new String[] {"B", "By what that penalty grows with each token of the repeat."});
        help.put("dry_allowed_length", new String[] {"N", "How long a repeat passes without penalty."});
        help.put("dry_penalty_last_n", new String[] {"N", "How many tokens DRY looks back; -1 means all."});
        help.put(
                "dry_sequence_breakers",
                new String[] {"TEXT", "A text over which DRY does not carry a repeat. Repeatable."});
        help.put("no_repeat_ngram_size", new String[] {"N", "No sequence of N tokens comes twice; 0 is off."});
        help.put(
                "encoder_no_repeat_ngram_size",
                new String[] {"N", "No sequence of N tokens of the prompt comes again; 0 is off."});
        help.put("logit_bias", new String[] {"ID=VALUE", "Added to a token's logit. Repeatable."});
        help.put(
                "sequence_bias",
                new String[] {"ID,ID=VALUE", "Added to the logit of the last token of a sequence. Repeatable."});
        help.put("allowed_token_ids", new String[] {"ID,ID", "The only tokens that may come. Repeatable."});
        help.put("bad_words", new String[] {"TEXT", "A text that must not come. Repeatable."});
        help.put("bad_words_token_ids", new String[] {"ID,ID", "A sequence of tokens that must not come. Repeatable."});
        help.put(
                "banned_strings",
                new String[] {"TEXT", "A text that must not come, however it is tokenised. Repeatable."});
        help.put("suppress_tokens", new String[] {"ID,ID", "Tokens that never come. Repeatable."});
        help.put("begin_suppress_tokens", new String[] {"ID,ID", "Tokens that do not come first. Repeatable."});
        help.put(
                "forced_bos_token_id", new String[] {"ID", "The token that comes first, after a prompt of one token."});
        help.put(
                "forced_eos_token_id",
                new String[] {"ID,ID", "The token that comes last when the length is used up. Repeatable."});
        help.put("min_tokens", new String[] {"N", "The text does not end before N tokens."});
        help.put("min_length", new String[] {"N", "The text does not end before N tokens, prompt included."});
        help.put(
                "exponential_decay_length_penalty",
                new String[] {"START,FACTOR", "From START tokens on the end becomes more likely by FACTOR a token."});
        help.put("thinking_token_budget", new String[] {"N", "Closes the thinking after N tokens; -1 is never."});
        help.put("remove_invalid_values", new String[] {"true|false", "Whether NaN and infinite logits are replaced."});
        help.put("renormalize_logits", new String[] {"true|false", "Whether what is left becomes log-probabilities."});
        help.put("mirostat", new String[] {"0|1|2", "Holds the surprise of the text steady; 0 is off."});
        help.put("mirostat_tau", new String[] {"T", "The surprise in bits that mirostat holds."});
        help.put("mirostat_eta", new String[] {"E", "How fast mirostat follows."});
        help.put("adaptive_target", new String[] {"P", "Chooses tokens around this probability; below 0 is off."});
        help.put("adaptive_decay", new String[] {"D", "How slowly that forgets, from 0 to 0.99."});
        help.put("sampler", new String[] {
            "NAME[:OPTION=VALUE,...]", "What chooses among the tokens left, by its registered name."
        });
        help.put("samplers", new String[] {
            "ORDER", "The order of llama.cpp's stages: names joined by ; or letters such as edskypmxt."
        });
        help.put("processors", new String[] {
            "NAME[:OPTION=VALUE,...]", "A registered processor, run after the penalties. Repeatable."
        });
        help.put("max_tokens", new String[] {"N", "The text ends after N tokens at the latest."});
        help.put("stop", new String[] {"TEXT", "A text that ends the generation. Repeatable."});
        help.put(
                "stop_regex",
                new String[] {"REGEX", "A regular expression whose match ends the generation. Repeatable."});
        help.put("stop_token_ids", new String[] {"ID,ID", "Tokens that end the generation. Repeatable."});
        help.put(
                "include_stop_str_in_output",
                new String[] {"true|false", "Whether the stop text belongs to the output."});
        help.put("ignore_eos", new String[] {"true|false", "Whether to go on after the model's own end."});
        help.put("max_time", new String[] {"SECONDS", "The text ends after so many seconds."});
        help.put(
                "repetition_detection",
                new String[] {"OPTION=VALUE,...", "Ends a text that repeats itself: max_pattern_size=20,min_count=4."});
        help.put("seed", new String[] {"N", "The same seed, parameters and logits give the same text."});
        return help;
    }

    static String optionName(String parameter) {
        return "--" + parameter.replace('_', '-');
    }

    static void addTo(CommandSpec command) {
        ArgGroupSpec.Builder group = ArgGroupSpec.builder()
                .heading("%nSampling (what is not set is neutral, or as the preset says):%n")
                .validate(false)
                .order(100);
        int order = 0;
        for (String parameter : SamplingParameters.names()) {
            String[] help = HELP.getOrDefault(parameter, new String[] {"VALUE", ""});
            boolean flag = help[0].equals("true|false");
            group.addArg(OptionSpec.builder(optionName(parameter))
                    .paramLabel(help[0])
                    .description(help[1])
                    .order(100 + order++)
                    .arity(flag ? "0..1" : "1")
                    .fallbackValue(flag ? "true" : "")
                    .type(flag ? Boolean.class : isRepeatable(parameter) ? List.class : String.class)
                    .auxiliaryTypes(flag ? Boolean.class : String.class)
                    .build());
        }
        command.addArgGroup(group.build());
    }

    /**
     * The parameters that were given.
     *
     * @throws InvalidParametersException with every bad value, by the option's name; if one is bad everywhere, also with
     *     those that are bad in the dialect
     */
    static SamplingParameters read(ParseResult parsed, Dialect dialect) {
        Map<String, Object> given = new LinkedHashMap<>();
        for (String parameter : SamplingParameters.names()) {
            Object typed = parsed.matchedOptionValue(optionName(parameter), null);
            if (typed instanceof List<?> texts) {
                List<String> strings = new ArrayList<>();
                texts.forEach(text -> strings.add(String.valueOf(text)));
                given.put(parameter, value(parameter, strings));
            } else if (typed != null) {
                given.put(parameter, value(parameter, List.of(String.valueOf(typed))));
            }
        }
        return asTyped(given.keySet(), () -> read(given, dialect));
    }

    private static SamplingParameters read(Map<String, Object> given, Dialect dialect) {
        try {
            return SamplingParameters.fromMap(given);
        } catch (InvalidParametersException e) {
            List<String> problems = new ArrayList<>(e.problems());
            Map<String, Object> others = new LinkedHashMap<>(given);
            others.entrySet()
                    .removeIf(entry -> !problems(
                                    () -> SamplingParameters.fromMap(Map.of(entry.getKey(), entry.getValue())))
                            .isEmpty());
            problems.addAll(problems(() -> SamplingParameters.fromMap(others).toPipeline(dialect)));
            throw new InvalidParametersException(problems);
        }
    }

    /** What a check finds. */
    static List<String> problems(Runnable check) {
        try {
            check.run();
            return List.of();
        } catch (InvalidParametersException e) {
            return e.problems();
        }
    }

    /** Reads one value as it is typed, for instance after {@code /temperature} in a chat. */
    static SamplingParameters read(String parameter, String text) {
        return SamplingParameters.fromMap(Map.of(parameter, value(parameter, List.of(text))));
    }

    /** Runs what checks parameters; its problems name the options that were typed. */
    static <T> T asTyped(Collection<String> given, java.util.function.Supplier<T> check) {
        try {
            return check.get();
        } catch (InvalidParametersException e) {
            List<String> problems = new ArrayList<>();
            for (String problem : e.problems()) {
                String parameter = problem.replaceFirst("\\W.*", "");
                problems.add(
                        given.contains(parameter)
                                ? optionName(parameter) + problem.substring(parameter.length())
                                : problem);
            }
            throw new InvalidParametersException(problems);
        }
    }

    private static boolean isRepeatable(String parameter) {
        return switch (HELP.getOrDefault(parameter, new String[] {""})[0]) {
            case "TEXT", "REGEX", "ID,ID", "ID=VALUE", "ID,ID=VALUE" -> true;
            default -> parameter.equals("processors");
        };
    }

    private static Object value(String parameter, List<String> texts) {
        return switch (parameter) {
            case "stop", "stop_regex", "bad_words", "banned_strings", "dry_sequence_breakers" -> texts;
            case "allowed_token_ids",
                    "stop_token_ids",
                    "suppress_tokens",
                    "begin_suppress_tokens",
                    "forced_eos_token_id",
                    "exponential_decay_length_penalty" -> numbers(String.join(",", texts));
            case "bad_words_token_ids" ->
                texts.stream().map(SamplingOptions::numbers).toList();
            case "logit_bias" -> biases(texts);
            case "sequence_bias" -> sequenceBiases(texts);
            case "samplers" -> texts.get(0);
            case "repetition_detection" -> options("--repetition-detection", texts.get(0));
            case "sampler" -> processor("--sampler", texts.get(0));
            case "processors" ->
                texts.stream().map(text -> processor("--processors", text)).toList();
            default -> scalar(texts.get(0));
        };
    }

    private static List<Object> sequenceBiases(List<String> texts) {
        List<Object> biases = new ArrayList<>();
        for (String text : texts) {
            int equals = text.indexOf('=');
            if (equals < 0) {
                throw new InputException("--sequence-bias must be ID,ID=VALUE, for instance 42,43=-5, got " + text);
            }
            biases.add(List.of(numbers(text.substring(0, equals)), scalar(text.substring(equals + 1))));
        }
        return biases;
    }

    private static List<Object> numbers(String list) {
        List<Object> numbers = new ArrayList<>();
        for (String number : list.split(",")) {
            numbers.add(scalar(number.strip()));
        }
        return numbers;
    }

    private static Map<String, Object> biases(List<String> texts) {
        Map<String, Object> biases = new LinkedHashMap<>();
        for (String text : texts) {
            int equals = text.indexOf('=');
            if (equals < 0) {
                throw new InputException("--logit-bias must be ID=VALUE, for instance 42=-5, got " + text);
            }
            biases.put(text.substring(0, equals).strip(), scalar(text.substring(equals + 1)));
        }
        return biases;
    }

    /** {@code name:option=value,...}, or a JSON object for options that are lists. */
    private static Map<String, Object> processor(String option, String text) {
        if (text.startsWith("{")) {
            return json(option + " must be NAME:OPTION=VALUE,...", text);
        }
        Map<String, Object> processor = new LinkedHashMap<>();
        int colon = text.indexOf(':');
        processor.put("name", colon < 0 ? text : text.substring(0, colon));
        if (colon >= 0) {
            processor.putAll(pairs(option + " must be NAME:OPTION=VALUE,...", text.substring(colon + 1), text));
        }
        return processor;
    }

    /** {@code option=value,...}, or a JSON object. */
    private static Map<String, Object> options(String option, String text) {
        String rule = option + " must be OPTION=VALUE,...";
        return text.startsWith("{") ? json(rule, text) : pairs(rule, text, text);
    }

    private static Map<String, Object> json(String rule, String text) {
        try {
            return new ObjectMapper().readValue(text, new TypeReference<Map<String, Object>>() {});
        } catch (JsonProcessingException e) {
            throw new InputException(rule + " or a JSON object, got " + text);
        }
    }

    private static Map<String, Object> pairs(String rule, String list, String typed) {
        Map<String, Object> pairs = new LinkedHashMap<>();
        for (String option : list.split(",")) {
            int equals = option.indexOf('=');
            if (equals < 0) {
                throw new InputException(rule + " or a JSON object, got " + typed);
            }
            pairs.put(option.substring(0, equals), scalar(option.substring(equals + 1)));
        }
        return pairs;
    }

    /** A number, a truth value, or the text itself, which the parameter will refuse in its own words. */
    private static Object scalar(String text) {
        switch (text.toLowerCase(Locale.ROOT)) {
            case "true" -> {
                return true;
            }
            case "false" -> {
                return false;
            }
            case "nan" -> {
                return Double.NaN;
            }
            case "inf", "+inf", "infinity", "+infinity" -> {
                return Double.POSITIVE_INFINITY;
            }
            case "-inf", "-infinity" -> {
                return Double.NEGATIVE_INFINITY;
            }
            default -> {}
        }
        try {
            BigDecimal number = new BigDecimal(text);
            try {
                return number.longValueExact();
            } catch (ArithmeticException e) {
                // Whole but beyond 64 bits: kept exact, so that a refusal shows what was typed.
                return number.scale() == 0 ? number.unscaledValue() : number.doubleValue();
            }
        } catch (NumberFormatException e) {
            return text;
        }
    }
}
