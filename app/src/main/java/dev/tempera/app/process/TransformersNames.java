package dev.tempera.app.process;

import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.Options;
import dev.tempera.Require;
import dev.tempera.SamplingParameters;
import dev.tempera.TokenScope;
import dev.tempera.processor.BadWords;
import dev.tempera.processor.LogitBias;
import dev.tempera.processor.MinP;
import dev.tempera.processor.MinTokens;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** transformers: class names with constructor arguments; for its chain the fields of {@code GenerationConfig}. */
final class TransformersNames implements PeerNames {
    private static final List<String> CLASSES = List.of(
            "MinLengthLogitsProcessor",
            "MinNewTokensLengthLogitsProcessor",
            "MinPLogitsWarper",
            "NoBadWordsLogitsProcessor",
            "RepetitionPenaltyLogitsProcessor",
            "SequenceBiasLogitsProcessor",
            "SuppressTokensAtBeginLogitsProcessor",
            "SuppressTokensLogitsProcessor",
            "TemperatureLogitsWarper",
            "TopKLogitsWarper",
            "TopPLogitsWarper",
            PeerCase.CHAIN);

    private static final List<String> MISSING_CLASSES = List.of(
            "EncoderNoRepeatNGramLogitsProcessor",
            "EncoderRepetitionPenaltyLogitsProcessor",
            "EpsilonLogitsWarper",
            "EtaLogitsWarper",
            "ExponentialDecayLengthPenalty",
            "ForcedBOSTokenLogitsProcessor",
            "ForcedEOSTokenLogitsProcessor",
            "InfNanRemoveLogitsProcessor",
            "LogitNormalization",
            "NoRepeatNGramLogitsProcessor",
            "PrefixConstrainedLogitsProcessor",
            "TopHLogitsWarper",
            "TypicalLogitsWarper");

    /** Fields of the chain whose processor is missing, with the value at which the chain leaves it out. */
    private static final Map<String, Object> MISSING_FIELDS = new TreeMap<>(Map.of(
            "encoder_no_repeat_ngram_size",
            0,
            "encoder_repetition_penalty",
            1.0,
            "epsilon_cutoff",
            0.0,
            "eta_cutoff",
            0.0,
            "no_repeat_ngram_size",
            0,
            "remove_invalid_values",
            false,
            "renormalize_logits",
            false,
            "typical_p",
            1.0));

    @Override
    public Setup setup(PeerCase peerCase, Options params) {
        return switch (peerCase.processor()) {
            case "TemperatureLogitsWarper" -> Setup.of(peerCase, new Temperature(params.requireDouble("temperature")));
            case "TopKLogitsWarper" ->
                Setup.of(
                        peerCase, new TopK(Math.max(atLeast(1, "top_k", params.requireInt("top_k")), minKeep(params))));
            case "TopPLogitsWarper" -> Setup.of(peerCase, topP(params.requireDouble("top_p"), minKeep(params)));
            case "MinPLogitsWarper" -> Setup.of(peerCase, new MinP(params.requireDouble("min_p"), minKeep(params)));
            case "RepetitionPenaltyLogitsProcessor" -> repetition(peerCase, params);
            case "NoBadWordsLogitsProcessor" -> badWords(peerCase, params);
            case "MinLengthLogitsProcessor" ->
                Setup.of(peerCase, new MinTokens(params.requireInt("min_length")))
                        .withPromptSize(0)
                        .withStopTokenIds(eos(params));
            case "MinNewTokensLengthLogitsProcessor" ->
                Setup.of(peerCase, new MinTokens(params.requireInt("min_new_tokens")))
                        .withPromptSize(atLeast(0, "prompt_length_to_skip", params.requireInt("prompt_length_to_skip")))
                        .withStopTokenIds(eos(params));
            case "SuppressTokensLogitsProcessor" ->
                Setup.of(peerCase, new LogitBias(masks(params.getInts("suppress_tokens"))));
            case "SuppressTokensAtBeginLogitsProcessor" -> suppressAtBegin(peerCase, params);
            case "SequenceBiasLogitsProcessor" ->
                Setup.of(peerCase, new LogitBias(sequenceBias(peerCase.processor(), params)));
            case PeerCase.CHAIN -> chain(peerCase, params);
            default -> throw unavailable(peerCase.processor());
        };
    }

    private static InvalidParametersException unavailable(String processor) {
        if (MISSING_CLASSES.contains(processor)) {
            return PeerNames.notAvailable(processor);
        }
        return PeerNames.unknown("transformers", processor, CLASSES);
    }

    private static int minKeep(Options params) {
        return atLeast(1, "min_tokens_to_keep", params.getInt("min_tokens_to_keep", 1));
    }

    private static int atLeast(int least, String name, int value) {
        Require.that(value >= least, name, "be at least " + least, value);
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
                List<Integer> ids = Options.of(Collections.singletonMap("bad_words_ids", word))
                        .getInts("bad_words_ids");
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

    private static List<Integer> eos(Options params) {
        Object given = params.get("eos_token_id");
        return given instanceof List
                ? params.getInts("eos_token_id")
                : given == null ? List.of() : List.of(params.requireInt("eos_token_id"));
    }

    private static Setup suppressAtBegin(PeerCase peerCase, Options params) {
        int begin = params.requireInt("begin_index");
        LogitBias masks = new LogitBias(masks(params.getInts("begin_suppress_tokens")));
        return peerCase.prompt().length + peerCase.generated().length == begin
                ? Setup.of(peerCase, masks)
                : Setup.of(peerCase);
    }

    private static SortedMap<Integer, Double> masks(List<Integer> tokenIds) {
        SortedMap<Integer, Double> masks = new TreeMap<>();
        tokenIds.forEach(id -> masks.put(id, Double.NEGATIVE_INFINITY));
        return masks;
    }

    /** Of sequences of one token; what needs longer ones is not available. */
    private static SortedMap<Integer, Double> sequenceBias(String processor, Options params) {
        SortedMap<Integer, Double> biases = new TreeMap<>();
        Object given = params.get("sequence_bias");
        if (given != null) {
            for (Object entry : list("sequence_bias", given)) {
                if (!(entry instanceof List<?> pair && pair.size() == 2 && pair.get(0) instanceof List<?> ids)) {
                    throw new InvalidParametersException(
                            "sequence_bias must be a list of pairs of token ids and a number, got " + entry);
                }
                if (ids.size() != 1) {
                    throw PeerNames.notAvailable(
                            processor.equals(PeerCase.CHAIN)
                                    ? "SequenceBiasLogitsProcessor with more than one token"
                                    : processor + " with more than one token");
                }
                int tokenId = Options.of(Collections.singletonMap("sequence_bias", ids.get(0)))
                        .requireInt("sequence_bias");
                biases.merge(tokenId, Numbers.read("sequence_bias", pair.get(1)), Double::sum);
            }
        }
        return biases;
    }

    private static Setup chain(PeerCase peerCase, Options params) {
        rejectMissing(params);
        Map<String, Object> parameters = new TreeMap<>();
        put(parameters, "temperature", params.get("temperature"));
        put(parameters, "top_k", params.get("top_k"));
        put(parameters, "top_p", params.get("top_p"));
        put(parameters, "min_p", params.get("min_p"));
        put(parameters, "repetition_penalty", params.get("repetition_penalty"));
        int minNew =
                Math.max(params.getInt("min_new_tokens", 0), params.getInt("min_length", 0) - peerCase.prompt().length);
        put(parameters, "min_tokens", Math.max(0, minNew));
        List<List<Integer>> badWords = badWords(params);
        put(parameters, "bad_words_token_ids", badWords.isEmpty() ? null : badWords);
        SortedMap<Integer, Double> biases = sequenceBias(PeerCase.CHAIN, params);
        // A mask is the same wherever it stands: nothing brings a logit back from -inf.
        biases.putAll(masks(params.getInts("suppress_tokens")));
        put(parameters, "logit_bias", biases.isEmpty() ? null : biases);
        return new Setup(
                SamplingParameters.fromMap(parameters).toPipeline(Dialect.TRANSFORMERS),
                peerCase.prompt().length,
                eos(params));
    }

    private static void rejectMissing(Options params) {
        List<String> missing = new ArrayList<>();
        MISSING_FIELDS.forEach((field, neutral) -> {
            Object value = params.get(field);
            boolean same = value instanceof Number a && neutral instanceof Number b
                    ? a.doubleValue() == b.doubleValue()
                    : neutral.equals(value);
            if (value != null && !same) {
                missing.add(field);
            }
        });
        if (params.get("top_h") != null) {
            missing.add("top_h");
        }
        if (!missing.isEmpty()) {
            throw PeerNames.notAvailable(String.join("\", \"", missing));
        }
    }

    private static void put(Map<String, Object> parameters, String name, @Nullable Object value) {
        if (value != null) {
            parameters.put(name, value);
        }
    }
}
