package dev.tempera;

import java.util.SortedSet;
import java.util.function.Function;

/** The samplers on the class path or module path, by name: what ends a pipeline. Thread-safe. */
public final class Samplers {
    private Samplers() {}

    /**
     * @throws InvalidParametersException if the name is unknown (the message lists the known ones), an option has a bad
     *     value, or an option is unknown
     */
    public static Sampler create(ProcessorSpec spec) {
        return Holder.FACTORIES.create(spec);
    }

    /** All registered names, sorted. */
    public static SortedSet<String> names() {
        return Holder.FACTORIES.names();
    }

    static Function<Options, Sampler> factory(String name) {
        return Holder.FACTORIES.factory(name);
    }

    private static final class Holder {
        static final NamedFactories<Sampler> FACTORIES =
                NamedFactories.load("sampler", "sampler", LogitsProcessorProvider::samplers);
    }
}
