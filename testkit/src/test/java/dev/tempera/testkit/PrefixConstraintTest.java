package dev.tempera.testkit;

import dev.tempera.LogitsProcessor;
import dev.tempera.processor.PrefixConstraint;
import java.util.List;
import java.util.stream.IntStream;

/** It has no name to be registered under, and obeys the same laws. */
class PrefixConstraintTest extends LogitsProcessorContract {
    @Override
    protected List<LogitsProcessor> processors() {
        return List.of(new PrefixConstraint(history -> {
            int last = history.get(history.size() - 1);
            return IntStream.range(0, rows()).filter(id -> id != last).toArray();
        }));
    }
}
