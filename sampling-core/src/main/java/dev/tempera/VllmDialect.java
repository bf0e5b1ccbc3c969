package dev.tempera;

import static dev.tempera.Parameter.*;

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
                ALLOWED_TOKEN_IDS,
                BAD_WORDS,
                BAD_WORDS_TOKEN_IDS,
                MIN_TOKENS,
                LOGIT_BIAS,
                REPETITION_PENALTY,
                FREQUENCY_PENALTY,
                PRESENCE_PENALTY,
                PENALTY_LAST_N,
                THINKING_TOKEN_BUDGET,
                TEMPERATURE,
                MIN_P,
                TOP_K,
                TOP_P);
    }

    @Override
    public void compile(SamplingParameters p, DialectCompiler c) {
        List<Integer> allowed = p.allowedTokenIds();
        if (allowed != null) {
            c.add(() -> new AllowedTokens(allowed));
        }
        if (c.has(BAD_WORDS) || c.has(BAD_WORDS_TOKEN_IDS)) {
            c.add(() -> new BadWords(p.badWordsTokenIds(), p.badWords(), TokenScope.GENERATED, false));
        }
        int minTokens = p.integer(MIN_TOKENS, 0);
        Integer maxTokens = p.maxTokens();
        c.check(
                minTokens,
                maxTokens == null || minTokens <= maxTokens,
                "min_tokens",
                "be at most max_tokens (" + maxTokens + ")");
        c.addIf(MIN_TOKENS, () -> new MinTokens(minTokens));
        c.addIf(LOGIT_BIAS, () -> new LogitBias(clamped(p.logitBias())));
        penalties(p, c);
        c.addIf(THINKING_TOKEN_BUDGET, () -> DialectCompiler.thinking(p));
        c.addExtensions(p);
        cuts(p, c);
    }

    private static void penalties(SamplingParameters p, DialectCompiler c) {
        Integer window = p.penaltyLastN();
        if (window != null) {
            c.check(window, window == -1, "penalty_last_n", "be unset or -1 (the penalties look at the whole text)");
        }
        double repetition = p.number(REPETITION_PENALTY, 1);
        if (c.check(repetition, repetition > 0, "repetition_penalty", "be greater than 0")) {
            c.addIf(REPETITION_PENALTY, () -> new RepetitionPenalty(repetition));
        }
        double frequency = p.number(FREQUENCY_PENALTY, 0);
        if (c.check(frequency, Math.abs(frequency) <= 2, "frequency_penalty", "be in [-2, 2]")) {
            c.addIf(FREQUENCY_PENALTY, () -> new FrequencyPenalty(frequency));
        }
        double presence = p.number(PRESENCE_PENALTY, 0);
        if (c.check(presence, Math.abs(presence) <= 2, "presence_penalty", "be in [-2, 2]")) {
            c.addIf(PRESENCE_PENALTY, () -> new PresencePenalty(presence));
        }
    }

    /** At temperature 0 the cuts are reset: they are checked and do nothing. */
    private static void cuts(SamplingParameters p, DialectCompiler c) {
        double temperature = p.number(TEMPERATURE, 1);
        boolean greedy = temperature < GREEDY_BELOW;
        if (greedy) {
            c.choose("temperature " + temperature, () -> Sampler.GREEDY);
        } else if (c.check(temperature, temperature <= 2, "temperature", "be in [0, 2]")) {
            c.addIf(TEMPERATURE, () -> new Temperature(Math.max(temperature, LEAST_TEMPERATURE)));
        }
        double minP = p.number(MIN_P, 0);
        if (c.check(minP, minP <= 1, "min_p", "be in [0, 1]") && !greedy) {
            c.addIf(MIN_P, () -> new MinP(minP));
        }
        if (!greedy) {
            c.addIf(TOP_K, () -> new TopK(p.integer(TOP_K, 0)));
        }
        double topP = p.number(TOP_P, 1);
        if (c.check(topP, topP > 0 && topP <= 1, "top_p", "be in (0, 1]") && !greedy) {
            c.addIf(TOP_P, () -> new TopP(topP));
        }
        c.addOwnCuts(p);
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
        d.order("temperature", "min_p", "top_p", "smoothing_factor", "tfs", "top_a");
        return d.clauses();
    }
}
