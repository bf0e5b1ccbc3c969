package dev.tempera.testkit;

import dev.tempera.LogitsProcessor;
import java.util.List;

/** The example of docs/write-a-processor.md. */
class OddTokensTest extends LogitsProcessorContract {
    @Override
    protected List<LogitsProcessor> processors() {
        return List.of((logits, context) -> logits.retainIf((id, logit) -> id % 2 == 1));
    }
}
