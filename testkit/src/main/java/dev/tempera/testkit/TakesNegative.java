package dev.tempera.testkit;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import java.util.Objects;
import java.util.Set;

/** Generates what the negative prompt would: with it, a generation must be one behind that prompt. */
record TakesNegative() implements LogitsProcessor {
    @Override
    public void process(Logits logits, SamplingContext context) {
        float[] negative = Objects.requireNonNull(context.logits(SamplingContext.NEGATIVE));
        for (int i = 0; i < logits.size(); i++) {
            int tokenId = logits.tokenId(i);
            boolean token = context.vocabulary().isToken(tokenId);
            logits.values()[i] = token ? negative[tokenId] : Float.NEGATIVE_INFINITY;
        }
    }

    @Override
    public Set<String> needsLogits() {
        return Set.of(SamplingContext.NEGATIVE);
    }
}
