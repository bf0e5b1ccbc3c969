package dev.tempera;

import java.util.SortedSet;
import java.util.function.Function;

/** The processors on the class path or module path, by name. Thread-safe. */
public final class LogitsProcessors {
    private LogitsProcessors() {}

    /**
     * @throws InvalidParametersException if the name is unknown (the message lists the known ones), an option has a bad
     *     value, or an option is unknown
     */
    public static LogitsProcessor create(ProcessorSpec spec) {
        return Holder.FACTORIES.create(spec);
    }

    /** All registered names, sorted. */
    public static SortedSet<String> names() {
        return Holder.FACTORIES.names();
    }

    static Function<Options, LogitsProcessor> factory(String name) {
        return Holder.FACTORIES.factory(name);
    }

    static NamedFactories<LogitsProcessor> register(Iterable<LogitsProcessorProvider> providers) {
        return NamedFactories.of("processor", "logits processor", providers, LogitsProcessorProvider::processors);
    }

    private static final class Holder {
        static final NamedFactories<LogitsProcessor> FACTORIES =
                NamedFactories.load("processor", "logits processor", LogitsProcessorProvider::processors);
    }
}
