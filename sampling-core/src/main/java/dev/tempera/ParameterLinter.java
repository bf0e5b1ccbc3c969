package dev.tempera;

import java.util.ArrayList;
import java.util.List;

/** Finds parameters that are allowed and yet probably not meant. */
final class ParameterLinter {
    private ParameterLinter() {}

    static List<String> warnings(SamplingParameters p) {
        List<String> warnings = new ArrayList<>();
        Double temperature = p.temperature();
        Integer topK = p.topK();
        Double topP = p.topP();
        Double minP = p.minP();
        boolean truncates = topK != null && topK > 0 || topP != null && topP < 1 || minP != null && minP > 0;
        if (temperature != null && temperature == 0 && truncates) {
            warnings.add("temperature 0 decodes greedily: top_k, top_p and min_p have no effect");
        }
        if (topK != null && topK == 1 && temperature != null && temperature != 0) {
            warnings.add("top_k 1 leaves one token: temperature " + temperature + " has no effect");
        }
        if (minP != null && minP == 1) {
            warnings.add("min_p 1 keeps only the most probable token and its ties: nothing else has an effect");
        }
        if (temperature != null && temperature > 1.5 && !truncates) {
            warnings.add(
                    "temperature " + temperature + " without top_k, top_p or min_p draws often from the tail of the"
                            + " vocabulary; min_p 0.05 or top_p 0.9 keeps the text readable");
        }
        Double repetition = p.repetitionPenalty();
        if (repetition != null && repetition > 1.5) {
            warnings.add("repetition_penalty " + repetition + " is unusually strong; the field uses 1.0 to 1.3");
        }
        if (repetition != null && repetition < 1) {
            warnings.add("repetition_penalty " + repetition + " is below 1 and encourages repetition");
        }
        if (p.penaltyLastN() != null
                && repetition == null
                && p.presencePenalty() == null
                && p.frequencyPenalty() == null) {
            warnings.add("penalty_last_n has no effect without repetition_penalty, presence_penalty or"
                    + " frequency_penalty");
        }
        p.logitBias().forEach((tokenId, bias) -> {
            if (Math.abs(bias) > 100) {
                warnings.add("logit_bias of token " + tokenId + " is " + bias + "; vLLM clamps it to [-100, 100]");
            }
        });
        if (Boolean.TRUE.equals(p.ignoreEos()) && p.maxTokens() == null) {
            warnings.add("ignore_eos without max_tokens generates until the context is full");
        }
        return List.copyOf(warnings);
    }
}
