package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import java.util.Arrays;
import java.util.List;

/**
 * Makes the tokens of an input more likely, once however often they occur in it: {@code logit < 0 ? logit / penalty :
 * logit * penalty}. Against invention in summaries: the inverse of {@link RepetitionPenalty}, and of other tokens.
 *
 * <p>As transformers' {@code EncoderRepetitionPenaltyLogitsProcessor} (also called hallucination penalty): of a model
 * with an encoder the input is what that read, of a decoder the prompt. Zero stays zero, -inf stays -inf, and a finite logit finite. Immutable
 * and thread-safe. O(distinct tokens of the input), no allocation.
 *
 * @param penalty greater than 0; above 1 favours the tokens of the input, below 1 discourages them, 1 changes nothing
 * @param inputTokenIds the input; empty for the prompt of the sequence
 */
public record EncoderRepetitionPenalty(double penalty, List<Integer> inputTokenIds) implements LogitsProcessor {
    /** @throws InvalidParametersException if the penalty is not finite and above 0, or an id is negative */
    public EncoderRepetitionPenalty {
        Penalties.requireFactor("encoder_repetition_penalty", penalty);
        inputTokenIds = EncoderInput.of(inputTokenIds);
    }

    /** Of the prompt. */
    public EncoderRepetitionPenalty(double penalty) {
        this(penalty, List.of());
    }

    /** @throws InvalidParametersException if an id is outside the vocabulary */
    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        int[] distinct = distinct(context);
        return (logits, current) -> favour(logits, distinct);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        favour(logits, distinct(context));
    }

    private int[] distinct(SamplingContext context) {
        return Arrays.stream(EncoderInput.of(inputTokenIds, context)).distinct().toArray();
    }

    private void favour(Logits logits, int[] distinct) {
        float factor = (float) penalty;
        for (int tokenId : distinct) {
            logits.setToken(tokenId, -Penalties.discouraged(-logits.ofToken(tokenId), factor));
        }
    }
}
