package dev.tempera.app.process;

import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.Options;
import dev.tempera.Require;
import dev.tempera.Sampler;
import dev.tempera.SamplingParameters;
import dev.tempera.Ties;
import dev.tempera.TokenScope;
import dev.tempera.processor.AdaptiveP;
import dev.tempera.processor.Dry;
import dev.tempera.processor.DynamicTemperature;
import dev.tempera.processor.FrequencyPenalty;
import dev.tempera.processor.Infill;
import dev.tempera.processor.LogitBias;
import dev.tempera.processor.MinP;
import dev.tempera.processor.Mirostat;
import dev.tempera.processor.MirostatV2;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopNSigma;
import dev.tempera.processor.TopP;
import dev.tempera.processor.TypicalP;
import dev.tempera.processor.Xtc;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** llama.cpp: sampler names with the arguments of {@code llama_sampler_init_...}; for its chain an object of them. */
final class LlamaCppNames implements PeerNames {
    private static final List<String> CHAINS =
            List.of(PeerCase.CHAIN, PeerCase.CHAIN + "_mirostat", PeerCase.CHAIN + "_mirostat_v2");
    private static final String INFILL = "infill";
    private static final List<String> SAMPLERS = List.of(
            "adaptive_p",
            "dry",
            INFILL,
            "logit_bias",
            "min_p",
            "mirostat",
            "mirostat_v2",
            "penalties",
            "temp",
            "temp_ext",
            "top_k",
            "top_n_sigma",
            "top_p",
            "typical",
            "xtc");

    /** What a message calls by this library's name. */
    private static final Map<String, String> OWN_NAMES = Map.of(
            "temperature",
            "temp",
            "repetition_penalty",
            "penalty_repeat",
            "frequency_penalty",
            "penalty_freq",
            "presence_penalty",
            "penalty_present");

    @Override
    public Setup setup(PeerCase peerCase, Options params) {
        try {
            return ofCase(peerCase, params);
        } catch (InvalidParametersException e) {
            throw new InvalidParametersException(
                    e.problems().stream().map(LlamaCppNames::inOwnNames).toList());
        }
    }

    private static String inOwnNames(String problem) {
        String name = problem.split(" ", 2)[0];
        return OWN_NAMES.getOrDefault(name, name) + problem.substring(name.length());
    }

    private static Setup ofCase(PeerCase peerCase, Options params) {
        if (CHAINS.contains(peerCase.processor())) {
            return chain(peerCase, params);
        }
        return switch (peerCase.processor()) {
            case "adaptive_p" ->
                Setup.choosing(
                        peerCase, new AdaptiveP(params.requireDouble("target"), decay(params.getDouble("decay", 0.9))));
            case "dry" -> Setup.of(peerCase, dry(params).toArray(LogitsProcessor[]::new));
            case "logit_bias" -> Setup.of(peerCase, new LogitBias(biases(params)));
            case "min_p" -> Setup.of(peerCase, new MinP(Math.max(0, params.requireDouble("p")), minKeep(params)));
            case "mirostat" ->
                Setup.choosing(
                        peerCase,
                        new Mirostat(
                                params.requireDouble("tau"), params.requireDouble("eta"), params.getInt("m", 100)));
            case "mirostat_v2" ->
                Setup.choosing(peerCase, new MirostatV2(params.requireDouble("tau"), params.requireDouble("eta")));
            case "penalties" -> Setup.of(peerCase, penalties(params).toArray(LogitsProcessor[]::new));
            case "temp", "temp_ext" -> temperature(peerCase, params);
            case "top_k" -> topK(peerCase, params);
            case "top_n_sigma" -> {
                double n = params.requireDouble("n");
                yield n <= 0 ? Setup.of(peerCase) : Setup.of(peerCase, new TopNSigma(n));
            }
            case "top_p" -> topP(peerCase, params);
            case "typical" -> {
                double p = params.requireDouble("p");
                int minKeep = minKeep(params);
                yield p >= 1
                        ? Setup.of(peerCase)
                        : Setup.of(peerCase, new TypicalP(Math.max(0, p), minKeep, Ties.LOWEST_IDS));
            }
            case "xtc" -> xtc(peerCase, params);
            case INFILL -> infill(peerCase, params);
            default -> {
                TreeSet<String> known = new TreeSet<>(SAMPLERS);
                known.addAll(CHAINS);
                throw PeerNames.unknown("llama.cpp", peerCase.processor(), known);
            }
        };
    }

    /** What llama.cpp asks its vocabulary comes with the case: which tokens end a generation, and the text of all. */
    private static Setup infill(PeerCase peerCase, Options params) {
        List<Integer> stopTokenIds = params.getInts("eog_token_ids");
        List<String> pieces = params.getStrings("pieces");
        int tokens = peerCase.logits().length;
        Require.that(pieces.size() == tokens, "pieces", "be as many as logits (" + tokens + ")", pieces.size());
        return Setup.of(peerCase, new Infill()).withStopTokenIds(stopTokenIds).withVocabulary(new Pieces(pieces));
    }

    /** llama.cpp clamps it. */
    private static double decay(double decay) {
        return Math.max(0, Math.min(0.99, decay));
    }

    private static Setup topK(PeerCase peerCase, Options params) {
        int k = params.requireInt("k");
        return k <= 0 ? Setup.of(peerCase) : Setup.of(peerCase, new TopK(k, Ties.LOWEST_IDS));
    }

    private static Setup topP(PeerCase peerCase, Options params) {
        double p = params.requireDouble("p");
        int minKeep = minKeep(params);
        return p >= 1 ? Setup.of(peerCase) : Setup.of(peerCase, new TopP(Math.max(0, p), minKeep));
    }

    private static Setup xtc(PeerCase peerCase, Options params) {
        double probability = params.requireDouble("probability");
        double threshold = params.requireDouble("threshold");
        int minKeep = minKeep(params);
        params.get("seed"); // decides where the probability is neither 0 nor 1
        return probability <= 0 || threshold > 0.5
                ? Setup.of(peerCase)
                : Setup.of(
                        peerCase, new Xtc(Math.min(1, probability), Math.max(0, threshold), minKeep, List.of(), false));
    }

    private static int minKeep(Options params) {
        int minKeep = params.getInt("min_keep", 0);
        if (minKeep < 0) {
            throw new InvalidParametersException("min_keep must be at least 0, got " + minKeep);
        }
        return Math.max(1, minKeep);
    }

    private static Setup temperature(PeerCase peerCase, Options params) {
        double temperature = params.requireDouble("temp");
        double delta = 0;
        if (peerCase.processor().equals("temp_ext")) {
            delta = params.getDouble("delta", 0);
        }
        double exponent = params.getDouble("exponent", 1);
        if (delta > 0 && temperature + delta > 0) {
            double low = Math.max(0, temperature - delta);
            return Setup.of(peerCase, new DynamicTemperature(low, temperature + delta, exponent, true));
        }
        return temperature > 0
                ? Setup.of(peerCase, new Temperature(temperature))
                : Setup.choosing(peerCase, Sampler.GREEDY);
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

    /** Breakers are token sequences here, as in llama.cpp's own tests; a window of -1 is the whole context. */
    private static List<Dry> dry(Options params) {
        double multiplier = params.requireDouble("multiplier");
        double base = params.getDouble("base", 1.75);
        int allowedLength = params.getInt("allowed_length", 2);
        int window = params.getInt("penalty_last_n", -1);
        List<List<Integer>> breakers = new ArrayList<>();
        for (Object breaker : list("seq_breakers", params.get("seq_breakers"))) {
            breakers.add(Options.of(Collections.singletonMap("seq_breakers", breaker))
                    .getInts("seq_breakers"));
        }
        return window == 0 || multiplier == 0 || base < 1
                ? List.of()
                : List.of(new Dry(
                        multiplier, base, allowedLength, window < 0 ? Integer.MAX_VALUE : window, breakers, List.of()));
    }

    private static List<?> list(String name, @Nullable Object given) {
        if (given == null) {
            return List.of();
        }
        if (given instanceof List<?> list) {
            return list;
        }
        throw new InvalidParametersException(name + " must be a list, got " + given);
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

    /** In llama.cpp's own order, whatever the order of the sections; through the dialect, as applications use it. */
    private static Setup chain(PeerCase peerCase, Options params) {
        if (peerCase.params().containsKey(INFILL)) {
            throw new InvalidParametersException(
                    "infill is not in llama.cpp's own order: give it as a processor by itself");
        }
        Map<String, Object> parameters = new TreeMap<>();
        section(params, "logit_bias", o -> parameters.put("logit_bias", biases(o)));
        section(params, "penalties", o -> {
            parameters.put("penalty_last_n", Math.max(0, o.requireInt("penalty_last_n")));
            parameters.put("repetition_penalty", o.getDouble("penalty_repeat", 1));
            parameters.put("frequency_penalty", o.getDouble("penalty_freq", 0));
            parameters.put("presence_penalty", o.getDouble("penalty_present", 0));
        });
        section(params, "dry", o -> {
            // The parameter has its breakers as text. A processor by name stands in the same place.
            for (Dry dry : dry(o)) {
                parameters.put("processors", List.of(spec(dry)));
            }
        });
        section(params, "top_n_sigma", o -> parameters.put("top_n_sigma", o.requireDouble("n")));
        section(params, "top_k", o -> parameters.put("top_k", Math.max(0, o.requireInt("k"))));
        section(params, "typical", o -> {
            parameters.put("typical_p", Math.min(1, o.requireDouble("p")));
            putMinKeep(parameters, o);
        });
        section(params, "top_p", o -> {
            parameters.put("top_p", Math.max(0, Math.min(1, o.requireDouble("p"))));
            putMinKeep(parameters, o);
        });
        section(params, "min_p", o -> {
            parameters.put("min_p", Math.max(0, o.requireDouble("p")));
            putMinKeep(parameters, o);
        });
        section(params, "xtc", o -> {
            parameters.put("xtc_probability", Math.max(0, o.requireDouble("probability")));
            parameters.put("xtc_threshold", o.requireDouble("threshold"));
            o.get("seed");
            putMinKeep(parameters, o);
        });
        section(params, "temp", o -> parameters.put("temperature", Math.max(0, o.requireDouble("temp"))));
        section(params, "temp_ext", o -> {
            parameters.put("temperature", Math.max(0, o.requireDouble("temp")));
            parameters.put("dynatemp_range", Math.max(0, o.getDouble("delta", 0)));
            parameters.put("dynatemp_exponent", o.getDouble("exponent", 1));
        });
        section(params, "mirostat", o -> putMirostat(parameters, 1, o));
        section(params, "mirostat_v2", o -> putMirostat(parameters, 2, o));
        section(params, "adaptive_p", o -> {
            parameters.put("adaptive_target", o.requireDouble("target"));
            parameters.put("adaptive_decay", decay(o.getDouble("decay", 0.9)));
        });
        return Setup.of(peerCase, SamplingParameters.fromMap(parameters).toPipeline(Dialect.LLAMA_CPP));
    }

    private static Map<String, Object> spec(Dry dry) {
        return Map.of(
                "name",
                "dry",
                "multiplier",
                dry.multiplier(),
                "base",
                dry.base(),
                "allowed_length",
                dry.allowedLength(),
                "window",
                dry.window(),
                "breaker_token_ids",
                dry.breakerTokenIds(),
                "breakers",
                List.of());
    }

    private static void putMirostat(Map<String, Object> parameters, int version, Options options) {
        parameters.put("mirostat", version);
        parameters.put("mirostat_tau", options.requireDouble("tau"));
        parameters.put("mirostat_eta", options.requireDouble("eta"));
        int m = options.getInt("m", 100);
        if (m != 100) {
            throw new InvalidParametersException("m must be 100 in a chain, got " + m);
        }
    }

    /** llama.cpp's program has one for all. */
    private static void putMinKeep(Map<String, Object> parameters, Options options) {
        int minKeep = minKeep(options);
        Object before = parameters.put("min_keep", minKeep);
        if (before != null && !before.equals(minKeep)) {
            throw new InvalidParametersException(
                    "min_keep must be the same for every sampler of a chain, got " + before + " and " + minKeep);
        }
    }

    private static void section(Options params, String sampler, Consumer<Options> reader) {
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
            throw new InvalidParametersException(sampler + ": " + String.join("; ", e.problems()));
        }
        if (!options.unread().isEmpty()) {
            throw new InvalidParametersException(sampler + " has no parameter " + String.join(", ", options.unread())
                    + "; it has " + String.join(", ", options.asked()));
        }
    }
}
