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
        help.put("top_k", new String[] {"K", "Only the K most probable tokens; 0 or -1 means all."});
        help.put("top_p", new String[] {"P", "Only the most probable tokens that together weigh P; 1 means all."});
        help.put("min_p", new String[] {"P", "Only tokens at least P times as probable as the best one; 0 means all."});
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
        help.put("logit_bias", new String[] {"ID=VALUE", "Added to a token's logit. Repeatable."});
        help.put("allowed_token_ids", new String[] {"ID,ID", "The only tokens that may come. Repeatable."});
        help.put("bad_words", new String[] {"TEXT", "A text that must not come. Repeatable."});
        help.put("bad_words_token_ids", new String[] {"ID,ID", "A sequence of tokens that must not come. Repeatable."});
        help.put("min_tokens", new String[] {"N", "The text does not end before N tokens."});
        help.put("max_tokens", new String[] {"N", "The text ends after N tokens at the latest."});
        help.put("stop", new String[] {"TEXT", "A text that ends the generation. Repeatable."});
        help.put("stop_token_ids", new String[] {"ID,ID", "Tokens that end the generation. Repeatable."});
        help.put(
                "include_stop_str_in_output",
                new String[] {"true|false", "Whether the stop text belongs to the output."});
        help.put("ignore_eos", new String[] {"true|false", "Whether to go on after the model's own end."});
        help.put("seed", new String[] {"N", "The same seed, parameters and logits give the same text."});
        help.put("processors", new String[] {
            "NAME[:OPTION=VALUE,...]", "A registered processor, run after the penalties. Repeatable."
        });
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
        return switch (parameter) {
            case "stop", "bad_words", "allowed_token_ids", "stop_token_ids", "bad_words_token_ids" -> true;
            case "logit_bias", "processors" -> true;
            default -> false;
        };
    }

    private static Object value(String parameter, List<String> texts) {
        return switch (parameter) {
            case "stop", "bad_words" -> texts;
            case "allowed_token_ids", "stop_token_ids" -> numbers(String.join(",", texts));
            case "bad_words_token_ids" ->
                texts.stream().map(SamplingOptions::numbers).toList();
            case "logit_bias" -> biases(texts);
            case "processors" -> texts.stream().map(SamplingOptions::processor).toList();
            default -> scalar(texts.get(0));
        };
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
    private static Map<String, Object> processor(String text) {
        if (text.startsWith("{")) {
            try {
                return new ObjectMapper().readValue(text, new TypeReference<Map<String, Object>>() {});
            } catch (JsonProcessingException e) {
                throw new InputException("--processors must be NAME:OPTION=VALUE,... or a JSON object, got " + text);
            }
        }
        Map<String, Object> processor = new LinkedHashMap<>();
        int colon = text.indexOf(':');
        processor.put("name", colon < 0 ? text : text.substring(0, colon));
        if (colon >= 0) {
            for (String option : text.substring(colon + 1).split(",")) {
                int equals = option.indexOf('=');
                if (equals < 0) {
                    throw new InputException(
                            "--processors must be NAME:OPTION=VALUE,... or a JSON object, got " + text);
                }
                processor.put(option.substring(0, equals), scalar(option.substring(equals + 1)));
            }
        }
        return processor;
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
