package dev.tempera.app.process;

import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.Options;
import dev.tempera.Require;
import dev.tempera.SamplingParameters;
import dev.tempera.Ties;
import dev.tempera.TokenScope;
import dev.tempera.processor.BadWords;
import dev.tempera.processor.BeginSuppressTokens;
import dev.tempera.processor.EncoderNoRepeatNGram;
import dev.tempera.processor.EncoderRepetitionPenalty;
import dev.tempera.processor.EpsilonCutoff;
import dev.tempera.processor.EtaCutoff;
import dev.tempera.processor.ExponentialDecayLengthPenalty;
import dev.tempera.processor.ForcedBos;
import dev.tempera.processor.ForcedEos;
import dev.tempera.processor.MinP;
import dev.tempera.processor.MinTokens;
import dev.tempera.processor.NoRepeatNGram;
import dev.tempera.processor.RemoveInvalidValues;
import dev.tempera.processor.Renormalize;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.SequenceBias;
import dev.tempera.processor.SuppressTokens;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopH;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import dev.tempera.processor.TypicalP;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** transformers: class names with constructor arguments; for its chain the fields of {@code GenerationConfig}. */
final class TransformersNames implements PeerNames {
    private static final SortedMap<String, Builder> CLASSES = classes();

    /** Need a function, a second model run, beams, or a state of their own. */
    private static final List<String> MISSING = List.of(
            "ClassifierFreeGuidanceLogitsProcessor",
            "HammingDiversityLogitsProcessor",
            "PrefixConstrainedLogitsProcessor",
            "SynthIDTextWatermarkLogitsProcessor",
            "UnbatchedClassifierFreeGuidanceLogitsProcessor");

    private static final List<String> MISSING_FIELDS = List.of("diversity_penalty", "watermarking_config");

    private static final List<String> SAMPLING_FIELDS =
            List.of("temperature", "top_h", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff");

    private static SortedMap<String, Builder> classes() {
        SortedMap<String, Builder> classes = new TreeMap<>();
        classes.put("TemperatureLogitsWarper", one(p -> new Temperature(p.requireDouble("temperature"))));
        classes.put(
                "TopKLogitsWarper",
                warper(p -> new TopK(Math.max(atLeast(1, "top_k", p.requireInt("top_k")), minKeep(p)))));
        classes.put("TopPLogitsWarper", warper(p -> topP(p.requireDouble("top_p"), minKeep(p))));
        classes.put("MinPLogitsWarper", warper(p -> new MinP(p.requireDouble("min_p"), minKeep(p))));
        classes.put("TypicalLogitsWarper", warper(p -> new TypicalP(share(p, "mass"), minKeep(p), Ties.KEEP_ALL)));
        classes.put("EpsilonLogitsWarper", warper(p -> new EpsilonCutoff(share(p, "epsilon"), minKeep(p))));
        classes.put("EtaLogitsWarper", warper(p -> new EtaCutoff(share(p, "epsilon"), minKeep(p))));
        classes.put("TopHLogitsWarper", warper(p -> new TopH(p.requireDouble("top_h"))));
        classes.put("RepetitionPenaltyLogitsProcessor", TransformersNames::repetition);
        classes.put("NoRepeatNGramLogitsProcessor", one(p -> new NoRepeatNGram(p.requireInt("ngram_size"))));
        classes.put(
                "EncoderNoRepeatNGramLogitsProcessor",
                one(p -> new EncoderNoRepeatNGram(p.requireInt("encoder_ngram_size"), encoderInput(p))));
        classes.put(
                "EncoderRepetitionPenaltyLogitsProcessor",
                one(p -> new EncoderRepetitionPenalty(p.requireDouble("penalty"), encoderInput(p))));
        classes.put("NoBadWordsLogitsProcessor", TransformersNames::badWords);
        classes.put("SequenceBiasLogitsProcessor", (peerCase, p) -> {
            Map<List<Integer>, Double> biases = sequenceBias(p);
            return biases.isEmpty() ? Setup.of(peerCase) : Setup.of(peerCase, new SequenceBias(biases));
        });
        classes.put(
                "MinLengthLogitsProcessor",
                (peerCase, p) -> Setup.of(
                                peerCase, new MinTokens(p.requireInt("min_length"), TokenScope.PROMPT_AND_GENERATED))
                        .withStopTokenIds(eos(p)));
        classes.put(
                "MinNewTokensLengthLogitsProcessor",
                (peerCase, p) -> Setup.of(peerCase, new MinTokens(p.requireInt("min_new_tokens")))
                        .withPromptSize(atLeast(0, "prompt_length_to_skip", p.requireInt("prompt_length_to_skip")))
                        .withStopTokenIds(eos(p)));
        classes.put("ForcedBOSTokenLogitsProcessor", one(p -> new ForcedBos(p.requireInt("bos_token_id"), true)));
        classes.put(
                "ForcedEOSTokenLogitsProcessor",
                one(p -> new ForcedEos(eos(p), p.requireInt("max_length"), TokenScope.PROMPT_AND_GENERATED, true)));
        classes.put("InfNanRemoveLogitsProcessor", one(p -> new RemoveInvalidValues(true)));
        classes.put("ExponentialDecayLengthPenalty", TransformersNames::decay);
        classes.put("LogitNormalization", one(p -> new Renormalize()));
        classes.put("SuppressTokensLogitsProcessor", (peerCase, p) -> {
            List<Integer> ids = p.getInts("suppress_tokens");
            return ids.isEmpty() ? Setup.of(peerCase) : Setup.of(peerCase, new SuppressTokens(ids));
        });
        classes.put("SuppressTokensAtBeginLogitsProcessor", (peerCase, p) -> {
            List<Integer> ids = p.getInts("begin_suppress_tokens");
            int begin = p.requireInt("begin_index");
            return ids.isEmpty()
                    ? Setup.of(peerCase)
                    : Setup.of(peerCase, new BeginSuppressTokens(ids, begin, TokenScope.PROMPT_AND_GENERATED));
        });
        classes.put("WatermarkLogitsProcessor", (peerCase, p) -> Setup.of(peerCase, TorchWatermark.of(peerCase, p)));
        classes.put(PeerCase.CHAIN, TransformersNames::chain);
        return classes;
    }

    /** Makes what a class name and its arguments stand for. */
    @FunctionalInterface
    private interface Builder {
        Setup build(PeerCase peerCase, Options params);
    }

    @FunctionalInterface
    private interface Processor {
        LogitsProcessor of(Options params);
    }

    private static Builder one(Processor processor) {
        return (peerCase, params) -> Setup.of(peerCase, processor.of(params));
    }

    /** What cuts tokens off can be told which logit to give them. */
    private static Builder warper(Processor processor) {
        return (peerCase, params) -> {
            Object filter = params.get("filter_value");
            float removed = filter == null ? Float.NEGATIVE_INFINITY : (float) Numbers.read("filter_value", filter);
            return Setup.of(peerCase, processor.of(params)).withRemoved(removed);
        };
    }

    @Override
    public Setup setup(PeerCase peerCase, Options params) {
        Builder builder = CLASSES.get(peerCase.processor());
        if (builder == null) {
            throw MISSING.contains(peerCase.processor())
                    ? PeerNames.notAvailable(peerCase.processor())
                    : PeerNames.unknown("transformers", peerCase.processor(), CLASSES.keySet());
        }
        return builder.build(peerCase, params);
    }

    private static int minKeep(Options params) {
        return atLeast(1, "min_tokens_to_keep", params.getInt("min_tokens_to_keep", 1));
    }

    private static int atLeast(int least, String name, int value) {
        Require.that(value >= least, name, "be at least " + least, value);
        return value;
    }

    private static double share(Options params, String name) {
        double value = params.requireDouble(name);
        Require.that(value > 0 && value < 1, name, "be greater than 0 and less than 1", value);
        return value;
    }

    /** At 1 the class, unlike the chain, still drops what has no float32 probability. */
    private static LogitsProcessor topP(double p, int minKeep) {
        if (p != 1) {
            return new TopP(p, minKeep);
        }
        return (logits, context) -> {
            double logSumExp = logits.logSumExp();
            logits.retainIf((tokenId, logit) -> (float) Math.exp(logit - logSumExp) > 0);
        };
    }

    private static Setup repetition(PeerCase peerCase, Options params) {
        double penalty = params.requireDouble("penalty");
        int ignored = atLeast(0, "prompt_ignore_length", params.getInt("prompt_ignore_length", 0));
        return Setup.of(peerCase, new RepetitionPenalty(penalty, Integer.MAX_VALUE, TokenScope.GENERATED))
                .withPromptSize(ignored);
    }

    private static List<Integer> encoderInput(Options params) {
        List<Integer> ids = params.getInts("encoder_input_ids");
        if (ids.isEmpty()) {
            throw new InvalidParametersException("encoder_input_ids must be given");
        }
        return ids;
    }

    private static Setup badWords(PeerCase peerCase, Options params) {
        List<List<Integer>> words = badWords(params);
        return words.isEmpty()
                ? Setup.of(peerCase)
                : Setup.of(peerCase, new BadWords(words, List.of(), TokenScope.PROMPT_AND_GENERATED, true));
    }

    /** A word that is one end token is none. */
    private static List<List<Integer>> badWords(Options params) {
        List<Integer> eos = eos(params);
        List<List<Integer>> words = new ArrayList<>();
        Object given = params.get("bad_words_ids");
        if (given != null) {
            for (Object word : list("bad_words_ids", given)) {
                List<Integer> ids = ints("bad_words_ids", word);
                if (ids.size() != 1 || !eos.contains(ids.get(0))) {
                    words.add(ids);
                }
            }
        }
        return words;
    }

    private static List<?> list(String name, Object given) {
        if (given instanceof List<?> list) {
            return list;
        }
        throw new InvalidParametersException(name + " must be a list, got " + given);
    }

    private static List<Integer> ints(String name, Object given) {
        return Options.of(Collections.singletonMap(name, given)).getInts(name);
    }

    private static List<Integer> eos(Options params) {
        Object given = params.get("eos_token_id");
        return given instanceof List
                ? params.getInts("eos_token_id")
                : given == null ? List.of() : List.of(params.requireInt("eos_token_id"));
    }

    private static Setup decay(PeerCase peerCase, Options params) {
        String name = "exponential_decay_length_penalty";
        Object given = params.get(name);
        if (given == null) {
            throw new InvalidParametersException(name + " must be given");
        }
        List<Number> startAndFactor = Objects.requireNonNull(
                SamplingParameters.fromMap(Map.of(name, given)).exponentialDecayLengthPenalty());
        int start = startAndFactor.get(0).intValue();
        double factor = startAndFactor.get(1).doubleValue();
        return Setup.of(peerCase, new ExponentialDecayLengthPenalty(start, factor))
                .withPromptSize(atLeast(0, "input_ids_seq_length", params.requireInt("input_ids_seq_length")))
                .withStopTokenIds(eos(params));
    }

    /** A sequence that is given twice has its last bias. */
    private static Map<List<Integer>, Double> sequenceBias(Options params) {
        Map<List<Integer>, Double> biases = new LinkedHashMap<>();
        Object given = params.get("sequence_bias");
        if (given != null) {
            for (Object entry : list("sequence_bias", given)) {
                if (!(entry instanceof List<?> pair && pair.size() == 2 && pair.get(0) instanceof List<?> ids)) {
                    throw new InvalidParametersException(
                            "sequence_bias must be a list of pairs of token ids and a number, got " + entry);
                }
                biases.put(ints("sequence_bias", ids), Numbers.read("sequence_bias", pair.get(1)));
            }
        }
        return biases;
    }

    private static Setup chain(PeerCase peerCase, Options params) {
        List<String> missing = new ArrayList<>(MISSING_FIELDS);
        // Asked for only when given: else a refusal would list them among what the chain has.
        missing.removeIf(field -> !peerCase.params().containsKey(field) || params.get(field) == null);
        if (!missing.isEmpty()) {
            throw PeerNames.notAvailable(String.join("\", \"", missing));
        }
        boolean samples = params.getBoolean("do_sample", true);
        Map<String, Object> parameters = new TreeMap<>();
        for (String field : List.of(
                "encoder_repetition_penalty",
                "repetition_penalty",
                "no_repeat_ngram_size",
                "encoder_no_repeat_ngram_size",
                "min_length",
                "forced_bos_token_id",
                "remove_invalid_values",
                "exponential_decay_length_penalty",
                "suppress_tokens",
                "begin_suppress_tokens",
                "guidance_scale",
                "renormalize_logits")) {
            put(parameters, field, params.get(field));
        }
        for (String field : SAMPLING_FIELDS) {
            Object value = params.get(field);
            put(parameters, field, samples && !isOff(field, value) ? value : null);
        }
        put(parameters, "sequence_bias", sequenceBias(params));
        put(parameters, "bad_words_token_ids", badWords(params));
        put(parameters, "min_tokens", params.get("min_new_tokens"));
        int maxTokens = params.getInt("max_length", 20) - peerCase.prompt().length;
        Object forcedEos = params.get("forced_eos_token_id");
        if (forcedEos != null && maxTokens > 0) {
            parameters.put("forced_eos_token_id", forcedEos);
            parameters.put("max_tokens", maxTokens);
        }
        return Setup.of(peerCase, SamplingParameters.fromMap(parameters).toPipeline(Dialect.TRANSFORMERS))
                .withStopTokenIds(eos(params));
    }

    /** The chain leaves these stages out where the classes would refuse the value. */
    private static boolean isOff(String field, @Nullable Object value) {
        return value instanceof Number number
                && switch (field) {
                    case "top_p", "typical_p", "epsilon_cutoff", "eta_cutoff" -> number.doubleValue() >= 1;
                    default -> false;
                };
    }

    private static void put(Map<String, Object> parameters, String name, @Nullable Object value) {
        if (value != null) {
            parameters.put(name, value);
        }
    }
}
