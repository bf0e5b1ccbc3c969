package dev.tempera.testkit;

import dev.tempera.LogitsProcessor;
import java.util.List;

/** A lambda holds the contract. */
class OddTokensTest extends LogitsProcessorContract {
    @Override
    protected List<LogitsProcessor> processors() {
        return List.of((logits, context) -> logits.retainIf((id, logit) -> id % 2 == 1));
    }
}
