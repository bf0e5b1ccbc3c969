package dev.tempera;

import dev.tempera.processor.FrequencyPenalty;
import dev.tempera.processor.LogitBias;
import dev.tempera.processor.MinP;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/** {@code common_sampler_init} and {@code llama-sampler.cpp} of llama.cpp, August 2026. */
final class LlamaCppDialect implements DialectRules {
    private static final int DEFAULT_LAST_N = 64;

    @Override
    public Set<Parameter> parameters() {
        return EnumSet.of(
                Parameter.LOGIT_BIAS,
                Parameter.REPETITION_PENALTY,
                Parameter.FREQUENCY_PENALTY,
                Parameter.PRESENCE_PENALTY,
                Parameter.PENALTY_LAST_N,
                Parameter.TOP_K,
                Parameter.TOP_P,
                Parameter.MIN_P,
                Parameter.TEMPERATURE);
    }

    @Override
    public void compile(SamplingParameters p, DialectCompiler c) {
        if (!p.logitBias().isEmpty()) {
            c.add(() -> new LogitBias(p.logitBias()));
        }
        penalties(p, c);
        c.addExtensions(p);
        truncation(p, c);
    }

    private static void penalties(SamplingParameters p, DialectCompiler c) {
        Integer lastN = p.penaltyLastN();
        int window = lastN == null ? DEFAULT_LAST_N : lastN == -1 ? Integer.MAX_VALUE : lastN;
        Double repetition = p.repetitionPenalty();
        boolean valid =
                repetition != null && c.check(repetition, repetition > 0, "repetition_penalty", "be greater than 0");
        if (window > 0) {
            TokenScope scope = TokenScope.PROMPT_AND_GENERATED;
            if (repetition != null && valid && repetition != 1) {
                c.add(() -> new RepetitionPenalty(repetition, window, scope));
            }
            Double frequency = p.frequencyPenalty();
            if (frequency != null && frequency != 0) {
                c.add(() -> new FrequencyPenalty(frequency, window, scope));
            }
            Double presence = p.presencePenalty();
            if (presence != null && presence != 0) {
                c.add(() -> new PresencePenalty(presence, window, scope));
            }
        }
    }

    private static void truncation(SamplingParameters p, DialectCompiler c) {
        Double temperature = p.temperature();
        boolean greedy = temperature != null && temperature <= 0;
        Integer topK = p.topK();
        if (topK != null && topK > 0) {
            c.add(() -> new TopK(topK, Ties.LOWEST_IDS));
        }
        Double topP = p.topP();
        if (topP != null && c.check(topP, topP <= 1, "top_p", "be in [0, 1]") && topP < 1) {
            c.add(() -> new TopP(topP));
        }
        Double minP = p.minP();
        if (minP != null && c.check(minP, minP <= 1, "min_p", "be in [0, 1]") && minP > 0) {
            c.add(() -> new MinP(minP));
        }
        if (greedy) {
            c.greedy();
        } else if (temperature != null && temperature != 1) {
            c.add(() -> new Temperature(temperature));
        }
    }

    @Override
    public Map<String, String> describe(SamplingParameters p) {
        Description d = new Description(p);
        Integer lastN = p.penaltyLastN();
        int window = lastN == null ? DEFAULT_LAST_N : lastN;
        String counts = window == -1
                ? "counts the whole prompt and output"
                : window == 0 ? "switches it off" : "counts the last " + window + " tokens, prompt included";
        Double temperature = p.temperature();
        if (temperature != null && temperature == 0) {
            d.greedy();
        }
        d.ifSet("top_k", "keeps exactly k tokens");
        d.ifSet("repetition_penalty", counts);
        d.ifSet("frequency_penalty", counts);
        d.ifSet("presence_penalty", counts);
        d.order("top_p", "min_p", "temperature");
        return d.clauses();
    }
}
