package dev.tempera;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;

/** The processors on the class path or module path, by name. Thread-safe. */
public final class LogitsProcessors {
    private LogitsProcessors() {}

    /**
     * @throws InvalidParametersException if the name is unknown (the message lists the known ones), an option has a bad
     *     value, or an option is unknown
     */
    public static LogitsProcessor create(ProcessorSpec spec) {
        Function<Options, LogitsProcessor> factory = factory(spec.name());
        Options options = Options.of(spec.options());
        LogitsProcessor processor;
        try {
            processor = factory.apply(options);
        } catch (InvalidParametersException e) {
            List<String> problems = new ArrayList<>();
            problems.add("processor \"" + spec.name() + "\": " + e.getMessage());
            SortedSet<String> known = options.asked();
            known.addAll(names(factory)); // The one that failed did not come to ask for all.
            addUnread(spec, known, problems);
            throw new InvalidParametersException(problems);
        }
        List<String> problems = new ArrayList<>();
        addUnread(spec, options.asked(), problems);
        if (!problems.isEmpty()) {
            throw new InvalidParametersException(problems);
        }
        return processor;
    }

    private static void addUnread(ProcessorSpec spec, SortedSet<String> known, List<String> problems) {
        SortedSet<String> unread = new TreeSet<>(spec.options().keySet());
        unread.removeAll(known);
        if (!unread.isEmpty()) {
            problems.add("processor \"" + spec.name() + "\" does not read option " + Names.quoted(unread)
                    + "; it reads " + String.join(", ", known));
        }
    }

    private static SortedSet<String> names(Function<Options, LogitsProcessor> factory) {
        Options names = Options.forNames();
        try {
            factory.apply(names);
        } catch (RuntimeException e) {
            // 0 need not be allowed; the names were asked for all the same.
        }
        return names.asked();
    }

    /** All registered names, sorted. */
    public static SortedSet<String> names() {
        return Collections.unmodifiableSortedSet(new TreeSet<>(Holder.FACTORIES.keySet()));
    }

    static Function<Options, LogitsProcessor> factory(String name) {
        Function<Options, LogitsProcessor> factory = Holder.FACTORIES.get(name);
        if (factory == null) {
            throw new InvalidParametersException(unknown(name));
        }
        return factory;
    }

    private static String unknown(String name) {
        return "no logits processor named \"" + name + "\"" + Names.suggestion(name, names()) + "; known: "
                + String.join(", ", names()) + ". A processor from another jar needs that jar on the class path";
    }

    private static final class Holder {
        static final SortedMap<String, Function<Options, LogitsProcessor>> FACTORIES =
                register(ServiceLoader.load(LogitsProcessorProvider.class, LogitsProcessors.class.getClassLoader()));
    }

    /** @throws TemperaException if a name is malformed or offered twice */
    static SortedMap<String, Function<Options, LogitsProcessor>> register(Iterable<LogitsProcessorProvider> providers) {
        SortedMap<String, Function<Options, LogitsProcessor>> factories = new TreeMap<>();
        Map<String, String> origin = new TreeMap<>();
        for (LogitsProcessorProvider provider : providers) {
            String from = provider.getClass().getName();
            new TreeMap<>(provider.processors()).forEach((name, factory) -> {
                if (!name.matches("[a-z][a-z0-9_]{0,63}")) {
                    throw new TemperaException(
                            from + " offers a processor named \"" + name + "\"; names must match [a-z][a-z0-9_]{0,63}");
                }
                if (factories.putIfAbsent(name, factory) != null) {
                    throw new TemperaException(
                            "two providers offer the processor \"" + name + "\": " + origin.get(name) + " and " + from);
                }
                origin.put(name, from);
            });
        }
        return factories;
    }
}
