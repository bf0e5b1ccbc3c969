package dev.tempera.trace;

import dev.tempera.LogitsProcessor;
import dev.tempera.processor.AllowedTokens;
import dev.tempera.processor.BadWords;
import dev.tempera.processor.DistinctTokenPenalty;
import dev.tempera.processor.FrequencyPenalty;
import dev.tempera.processor.LogitBias;
import dev.tempera.processor.MinTokens;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.RepetitionPenalty;
import java.util.Set;

/**
 * Processors that change the logit of a token by the token's id, the text so far and that logit alone: each token for
 * itself, whatever the others are.
 */
final class TokenRules {
    private static final Set<Class<? extends LogitsProcessor>> ALL = Set.of(
            AllowedTokens.class,
            BadWords.class,
            DistinctTokenPenalty.class,
            FrequencyPenalty.class,
            LogitBias.class,
            MinTokens.class,
            PresencePenalty.class,
            RepetitionPenalty.class);

    private TokenRules() {}

    static boolean areOf(LogitsProcessor processor) {
        return ALL.contains(processor.getClass());
    }
}
