package dev.tempera.testkit;

import dev.tempera.LogitsProcessor;
import java.util.List;

/** The contract by itself, for tests that call its methods: not a test, hence not named like one. */
final class ContractOfNone extends LogitsProcessorContract {
    @Override
    protected List<LogitsProcessor> processors() {
        return List.of();
    }
}
