package dev.tempera;

import dev.tempera.processor.AllowedTokens;
import dev.tempera.processor.BadWords;
import dev.tempera.processor.FrequencyPenalty;
import dev.tempera.processor.LogitBias;
import dev.tempera.processor.MinP;
import dev.tempera.processor.MinTokens;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/** vLLM's V1 sampler: {@code v1/sample/sampler.py} and {@code sampling_params.py} at commit 017e9f4448. */
final class VllmDialect implements DialectRules {
    private static final double GREEDY_BELOW = 1e-5;
    private static final double LEAST_TEMPERATURE = 0.01;
    private static final double BIAS_LIMIT = 100;

    @Override
    public Set<Parameter> parameters() {
        return EnumSet.of(
                Parameter.ALLOWED_TOKEN_IDS,
                Parameter.BAD_WORDS,
                Parameter.BAD_WORDS_TOKEN_IDS,
                Parameter.MIN_TOKENS,
                Parameter.LOGIT_BIAS,
                Parameter.REPETITION_PENALTY,
                Parameter.FREQUENCY_PENALTY,
                Parameter.PRESENCE_PENALTY,
                Parameter.PENALTY_LAST_N,
                Parameter.TEMPERATURE,
                Parameter.MIN_P,
                Parameter.TOP_K,
                Parameter.TOP_P);
    }

    @Override
    public void compile(SamplingParameters p, DialectCompiler c) {
        List<Integer> allowed = p.allowedTokenIds();
        if (allowed != null) {
            c.add(() -> new AllowedTokens(allowed));
        }
        if (!p.badWords().isEmpty() || !p.badWordsTokenIds().isEmpty()) {
            c.add(() -> new BadWords(p.badWordsTokenIds(), p.badWords(), TokenScope.GENERATED, false));
        }
        Integer minTokens = p.minTokens();
        Integer maxTokens = p.maxTokens();
        if (minTokens != null && minTokens > 0) {
            c.check(
                    minTokens,
                    maxTokens == null || minTokens <= maxTokens,
                    "min_tokens",
                    "be at most max_tokens (" + maxTokens + ")");
            c.add(() -> new MinTokens(minTokens));
        }
        if (!p.logitBias().isEmpty()) {
            c.add(() -> new LogitBias(clamped(p.logitBias())));
        }
        penalties(p, c);
        c.addExtensions(p);
        truncation(p, c);
    }

    private static void penalties(SamplingParameters p, DialectCompiler c) {
        Integer window = p.penaltyLastN();
        if (window != null) {
            c.check(window, window == -1, "penalty_last_n", "be unset or -1 (the penalties look at the whole text)");
        }
        Double repetition = p.repetitionPenalty();
        if (repetition != null
                && c.check(repetition, repetition > 0, "repetition_penalty", "be greater than 0")
                && repetition != 1) {
            c.add(() -> new RepetitionPenalty(repetition));
        }
        Double frequency = p.frequencyPenalty();
        if (frequency != null
                && c.check(frequency, Math.abs(frequency) <= 2, "frequency_penalty", "be in [-2, 2]")
                && frequency != 0) {
            c.add(() -> new FrequencyPenalty(frequency));
        }
        Double presence = p.presencePenalty();
        if (presence != null
                && c.check(presence, Math.abs(presence) <= 2, "presence_penalty", "be in [-2, 2]")
                && presence != 0) {
            c.add(() -> new PresencePenalty(presence));
        }
    }

    private static void truncation(SamplingParameters p, DialectCompiler c) {
        Double temperature = p.temperature();
        boolean greedy = temperature != null && temperature < GREEDY_BELOW;
        if (greedy) {
            c.greedy();
        } else if (temperature != null
                && c.check(temperature, temperature <= 2, "temperature", "be in [0, 2]")
                && temperature != 1) {
            c.add(() -> new Temperature(Math.max(temperature, LEAST_TEMPERATURE)));
        }
        Double minP = p.minP();
        if (minP != null && c.check(minP, minP <= 1, "min_p", "be in [0, 1]") && minP > 0 && !greedy) {
            c.add(() -> new MinP(minP));
        }
        Integer topK = p.topK();
        if (topK != null && topK > 0 && !greedy) {
            c.add(() -> new TopK(topK));
        }
        Double topP = p.topP();
        if (topP != null && c.check(topP, topP > 0 && topP <= 1, "top_p", "be in (0, 1]") && topP < 1 && !greedy) {
            c.add(() -> new TopP(topP));
        }
    }

    /** The server clamps; so does the dialect, and {@link SamplingParameters#warnings} says it. */
    private static SortedMap<Integer, Double> clamped(SortedMap<Integer, Double> biases) {
        SortedMap<Integer, Double> result = new TreeMap<>();
        biases.forEach((id, bias) -> result.put(id, Math.max(-BIAS_LIMIT, Math.min(BIAS_LIMIT, bias))));
        return result;
    }

    @Override
    public Map<String, String> describe(SamplingParameters p) {
        Description d = new Description(p);
        Double temperature = p.temperature();
        if (temperature != null && temperature < GREEDY_BELOW) {
            d.greedy();
        } else if (temperature != null && temperature < LEAST_TEMPERATURE) {
            d.add("temperature", "raises it to " + LEAST_TEMPERATURE);
        }
        d.ifSet("top_k", "keeps every token that ties with the k-th");
        d.ifSet("repetition_penalty", "counts the whole prompt and output");
        d.ifSet("frequency_penalty", "counts generated tokens only");
        d.ifSet("presence_penalty", "counts generated tokens only");
        d.ifSet("bad_words_token_ids", "looks at generated tokens only");
        if (p.logitBias().values().stream().anyMatch(bias -> Math.abs(bias) > BIAS_LIMIT)) {
            d.add("logit_bias", "clamps it to [-100, 100]");
        }
        d.order("temperature", "min_p", "top_p");
        return d.clauses();
    }
}
