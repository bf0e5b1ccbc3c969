package dev.tempera;

import dev.tempera.processor.BadWords;
import dev.tempera.processor.LogitBias;
import dev.tempera.processor.MinP;
import dev.tempera.processor.MinTokens;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/** {@code GenerationMixin._get_logits_processor} of transformers 5.16.0.dev0, commit c49429ed1f. */
final class TransformersDialect implements DialectRules {
    @Override
    public Set<Parameter> parameters() {
        return EnumSet.of(
                Parameter.LOGIT_BIAS,
                Parameter.REPETITION_PENALTY,
                Parameter.PENALTY_LAST_N,
                Parameter.BAD_WORDS_TOKEN_IDS,
                Parameter.MIN_TOKENS,
                Parameter.TEMPERATURE,
                Parameter.TOP_K,
                Parameter.TOP_P,
                Parameter.MIN_P);
    }

    @Override
    public String advice(Parameter parameter) {
        return parameter == Parameter.BAD_WORDS
                ? "give bad_words_token_ids, as its bad_words_ids are token ids"
                : DialectRules.super.advice(parameter);
    }

    @Override
    public void compile(SamplingParameters p, DialectCompiler c) {
        Integer window = p.penaltyLastN();
        if (window != null) {
            c.check(window, window == -1, "penalty_last_n", "be unset or -1 (the penalty looks at the whole text)");
        }
        if (!p.logitBias().isEmpty()) {
            c.add(() -> new LogitBias(p.logitBias()));
        }
        Double repetition = p.repetitionPenalty();
        if (repetition != null
                && c.check(repetition, repetition > 0, "repetition_penalty", "be greater than 0")
                && repetition != 1) {
            c.add(() -> new RepetitionPenalty(repetition));
        }
        if (!p.badWordsTokenIds().isEmpty()) {
            c.add(() -> new BadWords(p.badWordsTokenIds(), p.badWords(), TokenScope.PROMPT_AND_GENERATED, true));
        }
        Integer minTokens = p.minTokens();
        if (minTokens != null && minTokens > 0) {
            c.add(() -> new MinTokens(minTokens));
        }
        c.addExtensions(p);
        truncation(p, c);
    }

    private static void truncation(SamplingParameters p, DialectCompiler c) {
        Double temperature = p.temperature();
        if (temperature != null
                && c.check(
                        temperature,
                        temperature > 0,
                        "temperature",
                        "be greater than 0 (for greedy decoding use top_k 1 or another dialect)")
                && temperature != 1) {
            c.add(() -> new Temperature(temperature));
        }
        Integer topK = p.topK();
        if (topK != null && c.check(topK, topK >= 0, "top_k", "be at least 0 (0 switches it off)") && topK > 0) {
            c.add(() -> new TopK(topK));
        }
        Double topP = p.topP();
        if (topP != null && c.check(topP, topP <= 1, "top_p", "be in [0, 1]") && topP < 1) {
            c.add(() -> new TopP(topP));
        }
        Double minP = p.minP();
        if (minP != null && c.check(minP, minP <= 1, "min_p", "be in [0, 1]") && minP > 0) {
            c.add(() -> new MinP(minP));
        }
    }

    @Override
    public Map<String, String> describe(SamplingParameters p) {
        Description d = new Description(p);
        d.ifSet("top_k", "keeps every token that ties with the k-th");
        d.ifSet("repetition_penalty", "counts the whole prompt and output");
        d.ifSet("bad_words_token_ids", "looks at prompt and output, and only at words no longer than that text");
        d.order("temperature", "top_p", "min_p");
        return d.clauses();
    }
}
