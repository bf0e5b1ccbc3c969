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

/** What the providers on the class path or module path offer of one kind, by name. Immutable and thread-safe. */
final class NamedFactories<T> {
    private final String kind;
    private final String kindInFull;
    private final SortedMap<String, Function<Options, T>> factories;

    private NamedFactories(String kind, String kindInFull, SortedMap<String, Function<Options, T>> factories) {
        this.kind = kind;
        this.kindInFull = kindInFull;
        this.factories = factories;
    }

    static <T> NamedFactories<T> load(
            String kind,
            String kindInFull,
            Function<LogitsProcessorProvider, Map<String, Function<Options, T>>> offered) {
        ServiceLoader<LogitsProcessorProvider> providers =
                ServiceLoader.load(LogitsProcessorProvider.class, NamedFactories.class.getClassLoader());
        return of(kind, kindInFull, providers, offered);
    }

    /** @throws TemperaException if a name is malformed or offered twice */
    static <T> NamedFactories<T> of(
            String kind,
            String kindInFull,
            Iterable<LogitsProcessorProvider> providers,
            Function<LogitsProcessorProvider, Map<String, Function<Options, T>>> offered) {
        SortedMap<String, Function<Options, T>> factories = new TreeMap<>();
        Map<String, String> origin = new TreeMap<>();
        for (LogitsProcessorProvider provider : providers) {
            String from = provider.getClass().getName();
            new TreeMap<>(offered.apply(provider)).forEach((name, factory) -> {
                if (!name.matches("[a-z][a-z0-9_]{0,63}")) {
                    throw new TemperaException(from + " offers a " + kind + " named \"" + name
                            + "\"; names must match [a-z][a-z0-9_]{0,63}");
                }
                if (factories.putIfAbsent(name, factory) != null) {
                    throw new TemperaException("two providers offer the " + kind + " \"" + name + "\": "
                            + origin.get(name) + " and " + from);
                }
                origin.put(name, from);
            });
        }
        return new NamedFactories<>(kind, kindInFull, factories);
    }

    T create(ProcessorSpec spec) {
        Function<Options, T> factory = factory(spec.name());
        Options options = Options.of(spec.options());
        T created;
        try {
            created = factory.apply(options);
        } catch (InvalidParametersException e) {
            List<String> problems = new ArrayList<>();
            SortedSet<String> known = options.asked();
            known.addAll(optionNames(factory)); // The one that failed did not come to ask for all.
            e.problems().forEach(problem -> problems.add(quoted(spec) + ": " + asTyped(problem, known)));
            addUnread(spec, known, problems);
            throw new InvalidParametersException(problems);
        }
        List<String> problems = new ArrayList<>();
        addUnread(spec, options.asked(), problems);
        if (!problems.isEmpty()) {
            throw new InvalidParametersException(problems);
        }
        return created;
    }

    /** What a problem calls by the name of a parameter, such as allowed_token_ids, is the option token_ids here. */
    private static String asTyped(String problem, SortedSet<String> options) {
        String name = problem.split("\\W", 2)[0];
        for (String option : options) {
            if (!options.contains(name) && name.endsWith("_" + option)) {
                return option + problem.substring(name.length());
            }
        }
        return problem;
    }

    private void addUnread(ProcessorSpec spec, SortedSet<String> known, List<String> problems) {
        SortedSet<String> unread = new TreeSet<>(spec.options().keySet());
        unread.removeAll(known);
        if (!unread.isEmpty()) {
            String reads = known.isEmpty() ? "it has none" : "it reads " + String.join(", ", known);
            problems.add(quoted(spec) + " does not read option " + Names.quoted(unread) + "; " + reads);
        }
    }

    private String quoted(ProcessorSpec spec) {
        return kind + " \"" + spec.name() + "\"";
    }

    private SortedSet<String> optionNames(Function<Options, T> factory) {
        Options names = Options.forNames();
        try {
            factory.apply(names);
        } catch (RuntimeException e) {
            // 0 need not be allowed; the names were asked for all the same.
        }
        return names.asked();
    }

    SortedSet<String> names() {
        return Collections.unmodifiableSortedSet(new TreeSet<>(factories.keySet()));
    }

    Function<Options, T> factory(String name) {
        Function<Options, T> factory = factories.get(name);
        if (factory == null) {
            throw new InvalidParametersException("no " + kindInFull + " named \"" + name + "\""
                    + Names.suggestion(name, names()) + "; known: " + String.join(", ", names()) + ". A " + kind
                    + " from another jar needs that jar on the class path");
        }
        return factory;
    }
}
