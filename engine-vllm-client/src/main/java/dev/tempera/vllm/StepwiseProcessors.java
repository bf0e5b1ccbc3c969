package dev.tempera.vllm;

import dev.tempera.LogitsProcessor;
import dev.tempera.processor.*;
import java.util.Map;

/** What each processor needs to see of a step, and so what it comes to over the likeliest tokens alone. */
final class StepwiseProcessors {
    /** What a processor looks at. */
    enum Sight {
        /** Each token's own logit and the largest one, and keeps their order: what is cut off does not matter. */
        ORDER,
        /** Each token by itself, but may change the order: tokens that were not listed could come up. */
        TOKEN,
        /** The whole distribution: its mass, entropy or spread. */
        MASS,
        /** The sign of a logit, which log-probabilities do not have. */
        SIGN,
        /** Tokens that come whatever their logit, and so may not be listed. */
        FORCED,
        /** A second set of logits, whole. */
        SECOND_LOGITS,
        /** Code of which nothing is known. */
        UNKNOWN
    }

    private static final Map<Class<?>, Sight> SIGHTS = Map.ofEntries(
            Map.entry(Temperature.class, Sight.ORDER),
            Map.entry(TopK.class, Sight.ORDER),
            Map.entry(MinP.class, Sight.ORDER),
            Map.entry(Renormalize.class, Sight.ORDER),
            Map.entry(RemoveInvalidValues.class, Sight.ORDER),
            Map.entry(AllowedTokens.class, Sight.TOKEN),
            Map.entry(BadWords.class, Sight.TOKEN),
            Map.entry(BannedStrings.class, Sight.TOKEN),
            Map.entry(BeginSuppressTokens.class, Sight.TOKEN),
            Map.entry(SuppressTokens.class, Sight.TOKEN),
            Map.entry(MinTokens.class, Sight.TOKEN),
            Map.entry(LogitBias.class, Sight.TOKEN),
            Map.entry(SequenceBias.class, Sight.TOKEN),
            Map.entry(PresencePenalty.class, Sight.TOKEN),
            Map.entry(FrequencyPenalty.class, Sight.TOKEN),
            Map.entry(DistinctTokenPenalty.class, Sight.TOKEN),
            Map.entry(Dry.class, Sight.TOKEN),
            Map.entry(NoRepeatNGram.class, Sight.TOKEN),
            Map.entry(EncoderNoRepeatNGram.class, Sight.TOKEN),
            Map.entry(PrefixConstraint.class, Sight.TOKEN),
            Map.entry(GreenListWatermark.class, Sight.TOKEN),
            Map.entry(QuadraticSmoothing.class, Sight.TOKEN),
            Map.entry(TopP.class, Sight.MASS),
            Map.entry(TopA.class, Sight.MASS),
            Map.entry(TopH.class, Sight.MASS),
            Map.entry(TopNSigma.class, Sight.MASS),
            Map.entry(TypicalP.class, Sight.MASS),
            Map.entry(EpsilonCutoff.class, Sight.MASS),
            Map.entry(EtaCutoff.class, Sight.MASS),
            Map.entry(TailFree.class, Sight.MASS),
            Map.entry(PLess.class, Sight.MASS),
            Map.entry(Xtc.class, Sight.MASS),
            Map.entry(Infill.class, Sight.MASS),
            Map.entry(Skew.class, Sight.MASS),
            Map.entry(DynamicTemperature.class, Sight.MASS),
            Map.entry(NormalizedRepetitionPenalty.class, Sight.MASS),
            Map.entry(RepetitionPenalty.class, Sight.SIGN),
            Map.entry(SlopedRepetitionPenalty.class, Sight.SIGN),
            Map.entry(EncoderRepetitionPenalty.class, Sight.SIGN),
            Map.entry(ExponentialDecayLengthPenalty.class, Sight.SIGN),
            Map.entry(Softcap.class, Sight.SIGN),
            Map.entry(ForcedBos.class, Sight.FORCED),
            Map.entry(ForcedEos.class, Sight.FORCED),
            Map.entry(ForcedTokens.class, Sight.FORCED),
            Map.entry(ThinkingBudget.class, Sight.FORCED),
            Map.entry(ClassifierFreeGuidance.class, Sight.SECOND_LOGITS));

    private StepwiseProcessors() {}

    static Sight of(LogitsProcessor processor) {
        if (processor instanceof ExemptTokens exempt) {
            Sight sight = of(exempt.processor());
            return sight == Sight.ORDER ? Sight.TOKEN : sight; // what is exempt may pass others
        }
        if (processor instanceof DecayingPenalties penalties) {
            return penalties.repetition() == 1 ? Sight.TOKEN : Sight.SIGN;
        }
        if (!processor.needsLogits().isEmpty()) {
            return Sight.SECOND_LOGITS;
        }
        return SIGHTS.getOrDefault(processor.getClass(), Sight.UNKNOWN);
    }
}
