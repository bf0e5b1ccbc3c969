package dev.tempera;

import static dev.tempera.Parameter.*;

import dev.tempera.processor.BadWords;
import dev.tempera.processor.BeginSuppressTokens;
import dev.tempera.processor.ClassifierFreeGuidance;
import dev.tempera.processor.EncoderNoRepeatNGram;
import dev.tempera.processor.EncoderRepetitionPenalty;
import dev.tempera.processor.EpsilonCutoff;
import dev.tempera.processor.EtaCutoff;
import dev.tempera.processor.ExponentialDecayLengthPenalty;
import dev.tempera.processor.ForcedBos;
import dev.tempera.processor.ForcedEos;
import dev.tempera.processor.LogitBias;
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
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** {@code GenerationMixin._get_logits_processor} of transformers 5.16.0.dev0, commit c49429ed1f. */
final class TransformersDialect implements DialectRules {
    @Override
    public Set<Parameter> parameters() {
        return EnumSet.of(
                GUIDANCE_SCALE,
                LOGIT_BIAS,
                SEQUENCE_BIAS,
                ENCODER_REPETITION_PENALTY,
                REPETITION_PENALTY,
                PENALTY_LAST_N,
                NO_REPEAT_NGRAM_SIZE,
                ENCODER_NO_REPEAT_NGRAM_SIZE,
                BAD_WORDS_TOKEN_IDS,
                MIN_LENGTH,
                MIN_TOKENS,
                FORCED_BOS_TOKEN_ID,
                FORCED_EOS_TOKEN_ID,
                REMOVE_INVALID_VALUES,
                EXPONENTIAL_DECAY_LENGTH_PENALTY,
                SUPPRESS_TOKENS,
                BEGIN_SUPPRESS_TOKENS,
                TEMPERATURE,
                TOP_H,
                TOP_K,
                TOP_P,
                MIN_P,
                TYPICAL_P,
                EPSILON_CUTOFF,
                ETA_CUTOFF,
                RENORMALIZE_LOGITS);
    }

    @Override
    public String advice(Parameter parameter) {
        return parameter == BAD_WORDS
                ? "give bad_words_token_ids, as its bad_words_ids are token ids"
                : DialectRules.super.advice(parameter);
    }

    @Override
    public void compile(SamplingParameters p, DialectCompiler c) {
        c.addIf(GUIDANCE_SCALE, () -> new ClassifierFreeGuidance(p.number(GUIDANCE_SCALE, 1)));
        c.addIf(LOGIT_BIAS, () -> new LogitBias(p.logitBias()));
        c.addIf(SEQUENCE_BIAS, () -> new SequenceBias(p.sequenceBias()));
        history(p, c);
        c.addIf(
                BAD_WORDS_TOKEN_IDS,
                () -> new BadWords(p.badWordsTokenIds(), p.badWords(), TokenScope.PROMPT_AND_GENERATED, true));
        c.addIf(MIN_LENGTH, () -> new MinTokens(p.integer(MIN_LENGTH, 0), TokenScope.PROMPT_AND_GENERATED));
        c.addIf(MIN_TOKENS, () -> new MinTokens(p.integer(MIN_TOKENS, 0)));
        forced(p, c);
        c.addIf(REMOVE_INVALID_VALUES, () -> new RemoveInvalidValues(true));
        c.addIf(EXPONENTIAL_DECAY_LENGTH_PENALTY, () -> decay(p));
        c.addIf(SUPPRESS_TOKENS, () -> new SuppressTokens(p.suppressTokens()));
        c.addIf(
                BEGIN_SUPPRESS_TOKENS,
                () -> new BeginSuppressTokens(
                        p.beginSuppressTokens(), 0, TokenScope.GENERATED, c.has(FORCED_BOS_TOKEN_ID)));
        c.addExtensions(p);
        cuts(p, c);
    }

    private static LogitsProcessor decay(SamplingParameters p) {
        List<Number> startAndFactor = Objects.requireNonNull(p.exponentialDecayLengthPenalty());
        return new ExponentialDecayLengthPenalty(
                startAndFactor.get(0).intValue(), startAndFactor.get(1).doubleValue());
    }

    private static void history(SamplingParameters p, DialectCompiler c) {
        c.addIf(
                ENCODER_REPETITION_PENALTY,
                () -> new EncoderRepetitionPenalty(p.number(ENCODER_REPETITION_PENALTY, 1)));
        Integer window = p.penaltyLastN();
        if (window != null) {
            c.check(window, window == -1, "penalty_last_n", "be unset or -1 (the penalty looks at the whole text)");
        }
        double repetition = p.number(REPETITION_PENALTY, 1);
        if (c.check(repetition, repetition > 0, "repetition_penalty", "be greater than 0")) {
            c.addIf(REPETITION_PENALTY, () -> new RepetitionPenalty(repetition));
        }
        c.addIf(NO_REPEAT_NGRAM_SIZE, () -> new NoRepeatNGram(p.integer(NO_REPEAT_NGRAM_SIZE, 0)));
        c.addIf(
                ENCODER_NO_REPEAT_NGRAM_SIZE,
                () -> new EncoderNoRepeatNGram(p.integer(ENCODER_NO_REPEAT_NGRAM_SIZE, 0)));
    }

    private static void forced(SamplingParameters p, DialectCompiler c) {
        c.addIf(FORCED_BOS_TOKEN_ID, () -> new ForcedBos(p.integer(FORCED_BOS_TOKEN_ID, 0), true));
        if (c.has(FORCED_EOS_TOKEN_ID)) {
            Integer maxTokens = p.maxTokens();
            if (maxTokens == null) {
                c.problem("forced_eos_token_id needs max_tokens: it forces the last token that this allows");
            } else {
                c.add(() -> new ForcedEos(p.forcedEosTokenId(), maxTokens, TokenScope.GENERATED, true));
            }
        }
    }

    private static void cuts(SamplingParameters p, DialectCompiler c) {
        double temperature = p.number(TEMPERATURE, 1);
        if (c.check(
                temperature,
                temperature > 0,
                "temperature",
                "be greater than 0 (for greedy decoding use top_k 1 or another dialect)")) {
            c.addIf(TEMPERATURE, () -> new Temperature(temperature));
        }
        double topH = p.number(TOP_H, 1);
        if (c.check(topH, topH > 0 && topH <= 1, "top_h", "be in (0, 1]")) {
            c.addIf(TOP_H, () -> new TopH(topH));
        }
        int topK = p.integer(TOP_K, 0);
        if (c.check(topK, topK >= 0, "top_k", "be at least 0 (0 switches it off)")) {
            c.addIf(TOP_K, () -> new TopK(topK));
        }
        double topP = p.number(TOP_P, 1);
        if (c.check(topP, topP <= 1, "top_p", "be in [0, 1]")) {
            c.addIf(TOP_P, () -> new TopP(topP));
        }
        double minP = p.number(MIN_P, 0);
        if (c.check(minP, minP <= 1, "min_p", "be in [0, 1]")) {
            c.addIf(MIN_P, () -> new MinP(minP));
        }
        double typical = p.number(TYPICAL_P, 1);
        if (c.check(typical, typical > 0 && typical <= 1, "typical_p", "be in (0, 1]")) {
            c.addIf(TYPICAL_P, () -> new TypicalP(typical));
        }
        double epsilon = p.number(EPSILON_CUTOFF, 0);
        if (c.check(epsilon, epsilon < 1, "epsilon_cutoff", "be in [0, 1)")) {
            c.addIf(EPSILON_CUTOFF, () -> new EpsilonCutoff(epsilon, 1));
        }
        double eta = p.number(ETA_CUTOFF, 0);
        if (c.check(eta, eta < 1, "eta_cutoff", "be in [0, 1)")) {
            c.addIf(ETA_CUTOFF, () -> new EtaCutoff(eta, 1));
        }
        c.addOwnCuts(p);
        c.addIf(RENORMALIZE_LOGITS, Renormalize::new);
    }

    @Override
    public Map<String, String> describe(SamplingParameters p) {
        Description d = new Description(p);
        d.ifSet("top_k", "keeps every token that ties with the k-th");
        d.ifSet("repetition_penalty", "counts the whole prompt and output");
        d.ifSet("bad_words_token_ids", "looks at prompt and output, and only at words no longer than that text");
        d.ifSet("typical_p", "keeps up to the token at which the sum reaches it, and what is as typical as that");
        d.order("temperature", "top_p", "min_p", "typical_p", "smoothing_factor", "tfs", "top_a");
        return d.clauses();
    }
}
