package dev.tempera.trace;

import dev.tempera.LogitsProcessor;
import dev.tempera.processor.AllowedTokens;
import dev.tempera.processor.BadWords;
import dev.tempera.processor.BeginSuppressTokens;
import dev.tempera.processor.DecayingPenalties;
import dev.tempera.processor.DistinctTokenPenalty;
import dev.tempera.processor.Dry;
import dev.tempera.processor.EncoderNoRepeatNGram;
import dev.tempera.processor.EncoderRepetitionPenalty;
import dev.tempera.processor.ExemptTokens;
import dev.tempera.processor.FrequencyPenalty;
import dev.tempera.processor.LogitBias;
import dev.tempera.processor.MinTokens;
import dev.tempera.processor.NoRepeatNGram;
import dev.tempera.processor.PrefixConstraint;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.SequenceBias;
import dev.tempera.processor.SlopedRepetitionPenalty;
import dev.tempera.processor.SuppressTokens;
import java.util.Set;

/**
 * Processors that change the logit of a token by the token's id, the text so far and that logit alone, rising with it:
 * each token for itself, whatever the others are.
 */
final class TokenRules {
    private static final Set<Class<? extends LogitsProcessor>> ALL = Set.of(
            AllowedTokens.class,
            BadWords.class,
            BeginSuppressTokens.class,
            DecayingPenalties.class,
            DistinctTokenPenalty.class,
            Dry.class,
            EncoderNoRepeatNGram.class,
            EncoderRepetitionPenalty.class,
            FrequencyPenalty.class,
            LogitBias.class,
            MinTokens.class,
            NoRepeatNGram.class,
            PrefixConstraint.class,
            PresencePenalty.class,
            RepetitionPenalty.class,
            SequenceBias.class,
            SlopedRepetitionPenalty.class,
            SuppressTokens.class);

    private TokenRules() {}

    static boolean areOf(LogitsProcessor processor) {
        return processor instanceof ExemptTokens exempt
                ? areOf(exempt.processor())
                : ALL.contains(processor.getClass());
    }
}
