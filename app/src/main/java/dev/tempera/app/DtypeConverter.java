package dev.tempera.app;

import dev.tempera.djl.Dtype;
import java.util.Arrays;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** {@code bfloat16}, {@code float16} and {@code float32}. */
final class DtypeConverter implements ITypeConverter<Dtype> {
    @Override
    public Dtype convert(String name) {
        return Arrays.stream(Dtype.values())
                .filter(dtype -> dtype.wireName().equals(name))
                .findFirst()
                .orElseThrow(() -> new TypeConversionException("must be one of "
                        + Arrays.stream(Dtype.values()).map(Dtype::wireName).collect(Collectors.joining(", "))
                        + ", got " + name));
    }
}
