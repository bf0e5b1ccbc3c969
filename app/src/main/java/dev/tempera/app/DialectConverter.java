package dev.tempera.app;

import dev.tempera.Dialect;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** {@code vllm}, {@code transformers} and {@code llama-cpp}. */
final class DialectConverter implements ITypeConverter<Dialect>, Iterable<String> {
    @Override
    public Dialect convert(String name) {
        return Arrays.stream(Dialect.values())
                .filter(dialect -> nameOf(dialect).equals(name))
                .findFirst()
                .orElseThrow(() -> new TypeConversionException("must be one of "
                        + Arrays.stream(Dialect.values())
                                .map(DialectConverter::nameOf)
                                .collect(Collectors.joining(", "))
                        + ", got " + name));
    }

    /** For help and completion. */
    @Override
    public Iterator<String> iterator() {
        return Arrays.stream(Dialect.values()).map(DialectConverter::nameOf).iterator();
    }

    static String nameOf(Dialect dialect) {
        return dialect.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
