package dev.tempera.app.process;

import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.Options;
import dev.tempera.Sampler;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.Ties;
import dev.tempera.TokenScope;
import dev.tempera.processor.FrequencyPenalty;
import dev.tempera.processor.LogitBias;
import dev.tempera.processor.MinP;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/** llama.cpp: sampler names with the arguments of {@code llama_sampler_init_...}; for its chain an object of them. */
final class LlamaCppNames implements PeerNames {
    private static final List<String> SAMPLERS =
            List.of("logit_bias", "penalties", "top_k", "top_p", "min_p", "temp", "temp_ext", PeerCase.CHAIN);
    private static final List<String> MISSING = List.of(
            "adaptive_p",
            "chain_mirostat_v2",
            "dry",
            "infill",
            "mirostat",
            "mirostat_v2",
            "top_n_sigma",
            "typical",
            "xtc");

    @Override
    public Setup setup(PeerCase peerCase, Options params) {
        return switch (peerCase.processor()) {
            case "logit_bias" -> Setup.of(peerCase, new LogitBias(biases(params)));
            case "penalties" -> Setup.of(peerCase, penalties(params).toArray(LogitsProcessor[]::new));
            case "top_k" -> topK(peerCase, params);
            case "top_p" -> topP(peerCase, params);
            case "min_p" -> Setup.of(peerCase, new MinP(params.requireDouble("p"), minKeep(params)));
            case "temp", "temp_ext" -> temperature(peerCase, params);
            case PeerCase.CHAIN -> chain(peerCase, params);
            default -> throw unavailable(peerCase.processor());
        };
    }

    private static InvalidParametersException unavailable(String sampler) {
        if (MISSING.contains(sampler)) {
            return PeerNames.notAvailable(sampler);
        }
        return PeerNames.unknown("llama.cpp", sampler, new TreeSet<>(SAMPLERS));
    }

    private static Setup topK(PeerCase peerCase, Options params) {
        int k = params.requireInt("k");
        return k <= 0 ? Setup.of(peerCase) : Setup.of(peerCase, new TopK(k, Ties.LOWEST_IDS));
    }

    private static Setup topP(PeerCase peerCase, Options params) {
        double p = params.requireDouble("p");
        int minKeep = minKeep(params);
        return p >= 1 ? Setup.of(peerCase) : Setup.of(peerCase, new TopP(p, minKeep));
    }

    private static int minKeep(Options params) {
        int minKeep = params.getInt("min_keep", 0);
        if (minKeep < 0) {
            throw new InvalidParametersException("min_keep must be at least 0, got " + minKeep);
        }
        return Math.max(1, minKeep);
    }

    private static Setup temperature(PeerCase peerCase, Options params) {
        double temperature = temperature(peerCase.processor(), params);
        if (temperature > 0) {
            return Setup.of(peerCase, new Temperature(temperature));
        }
        SamplingPipeline greedy =
                SamplingPipeline.builder().sampler(Sampler.GREEDY).build();
        return new Setup(greedy, peerCase.prompt().length, List.of());
    }

    private static double temperature(String sampler, Options params) {
        if (sampler.equals("temp_ext")) {
            params.get("exponent"); // of no effect without a delta
            if (params.getDouble("delta", 0) > 0) {
                throw PeerNames.notAvailable("temp_ext with a delta above 0");
            }
        }
        return params.requireDouble("temp");
    }

    /** A window of 0 or less switches all of it off; so do neutral values, as nothing is left to do. */
    private static List<LogitsProcessor> penalties(Options params) {
        int window = params.requireInt("penalty_last_n");
        double repeat = params.getDouble("penalty_repeat", 1);
        double frequency = params.getDouble("penalty_freq", 0);
        double presence = params.getDouble("penalty_present", 0);
        List<LogitsProcessor> penalties = new ArrayList<>();
        if (window > 0) {
            TokenScope scope = TokenScope.PROMPT_AND_GENERATED;
            penalties.add(new RepetitionPenalty(repeat, window, scope));
            penalties.add(new FrequencyPenalty(frequency, window, scope));
            penalties.add(new PresencePenalty(presence, window, scope));
        }
        return penalties;
    }

    /** A token that is named twice gets both. */
    private static SortedMap<Integer, Double> biases(Options params) {
        SortedMap<Integer, Double> biases = new TreeMap<>();
        if (!(params.get("bias") instanceof List<?> pairs)) {
            throw new InvalidParametersException("bias must be a list of pairs of token id and number");
        }
        for (Object entry : pairs) {
            if (!(entry instanceof List<?> pair && pair.size() == 2 && pair.get(0) instanceof Integer tokenId)) {
                throw new InvalidParametersException(
                        "bias must be a list of pairs of token id and number, got " + entry);
            }
            biases.merge(tokenId, Numbers.read("bias", pair.get(1)), Double::sum);
        }
        return biases;
    }

    private static Setup chain(PeerCase peerCase, Options params) {
        List<String> missing = new ArrayList<>(MISSING);
        // Asked for only when given: else a refusal would list them among what the chain has.
        missing.removeIf(sampler -> !peerCase.params().containsKey(sampler) || params.get(sampler) == null);
        if (!missing.isEmpty()) {
            throw PeerNames.notAvailable(String.join("\", \"", missing));
        }
        Map<String, Object> parameters = new TreeMap<>();
        section(params, "logit_bias", options -> parameters.put("logit_bias", biases(options)));
        section(params, "penalties", options -> {
            parameters.put("penalty_last_n", Math.max(0, options.requireInt("penalty_last_n")));
            parameters.put("repetition_penalty", options.getDouble("penalty_repeat", 1));
            parameters.put("frequency_penalty", options.getDouble("penalty_freq", 0));
            parameters.put("presence_penalty", options.getDouble("penalty_present", 0));
        });
        section(params, "top_k", options -> parameters.put("top_k", Math.max(0, options.requireInt("k"))));
        section(params, "top_p", options -> {
            parameters.put("top_p", Math.min(1, options.requireDouble("p")));
            requireNoMinKeep(options);
        });
        section(params, "min_p", options -> {
            parameters.put("min_p", options.requireDouble("p"));
            requireNoMinKeep(options);
        });
        section(params, "temp", options -> parameters.put("temperature", atLeastZero(temperature("temp", options))));
        section(
                params,
                "temp_ext",
                options -> parameters.put("temperature", atLeastZero(temperature("temp_ext", options))));
        return new Setup(
                SamplingParameters.fromMap(parameters).toPipeline(Dialect.LLAMA_CPP),
                peerCase.prompt().length,
                List.of());
    }

    private static double atLeastZero(double temperature) {
        return temperature <= 0 ? 0 : temperature;
    }

    private static void requireNoMinKeep(Options options) {
        if (minKeep(options) > 1) {
            throw PeerNames.notAvailable("chain with a min_keep above 1");
        }
    }

    private static void section(Options params, String sampler, java.util.function.Consumer<Options> reader) {
        Object given = params.get(sampler);
        if (given == null) {
            return;
        }
        if (!(given instanceof Map<?, ?> map)) {
            throw new InvalidParametersException(sampler + " must be an object, got " + given);
        }
        Map<String, Object> values = new TreeMap<>();
        map.forEach((name, value) -> values.put(String.valueOf(name), value));
        Options options = Options.of(values);
        try {
            reader.accept(options);
        } catch (InvalidParametersException e) {
            String message = String.join("; ", e.problems());
            // That something is not available says of which sampler by itself.
            throw new InvalidParametersException(message.startsWith("processor") ? message : sampler + ": " + message);
        }
        if (!options.unread().isEmpty()) {
            throw new InvalidParametersException(sampler + " has no parameter " + String.join(", ", options.unread())
                    + "; it has " + String.join(", ", options.asked()));
        }
    }
}
