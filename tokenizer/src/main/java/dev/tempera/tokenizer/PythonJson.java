package dev.tempera.tokenizer;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Iterator;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes JSON as Python's {@code json.dumps} does, since that is the text that models saw in training: {@code ", "} and
 * {@code ": "} between values, floats as Python's {@code repr}, no escape of HTML or (by default) of non-ASCII letters.
 */
final class PythonJson {
    private final StringBuilder out = new StringBuilder();
    private final boolean ensureAscii;
    private final @Nullable String indent;

    private PythonJson(boolean ensureAscii, @Nullable String indent) {
        this.ensureAscii = ensureAscii;
        this.indent = indent;
    }

    /**
     * @param value maps, iterables, strings, numbers, booleans, null
     * @param indent one level of indentation; null for all on one line
     * @throws IllegalArgumentException for a value of another type
     */
    static String dumps(@Nullable Object value, boolean ensureAscii, @Nullable String indent) {
        PythonJson json = new PythonJson(ensureAscii, indent);
        json.write(value, 1);
        return json.out.toString();
    }

    private void write(@Nullable Object value, int depth) {
        if (value == null || value instanceof Boolean) {
            out.append(value);
        } else if (value instanceof Map<?, ?> map) {
            writeMap(map, depth);
        } else if (value instanceof Iterable<?> elements) {
            writeList(elements, depth);
        } else if (value instanceof Double || value instanceof Float || value instanceof BigDecimal) {
            out.append(repr(Double.parseDouble(value.toString())));
        } else if (value instanceof Number) {
            out.append(value);
        } else if (value instanceof CharSequence || value instanceof Character) {
            writeString(value.toString());
        } else {
            throw new IllegalArgumentException(value.getClass().getSimpleName() + " is not JSON serializable");
        }
    }

    private void writeMap(Map<?, ?> map, int depth) {
        out.append('{');
        Iterator<? extends Map.Entry<?, ?>> entries = map.entrySet().iterator();
        boolean empty = !entries.hasNext();
        while (entries.hasNext()) {
            Map.Entry<?, ?> entry = entries.next();
            newLine(depth);
            writeString(String.valueOf(entry.getKey()));
            out.append(": ");
            write(entry.getValue(), depth + 1);
            separate(entries.hasNext());
        }
        close('}', empty, depth);
    }

    private void writeList(Iterable<?> list, int depth) {
        out.append('[');
        Iterator<?> elements = list.iterator();
        boolean empty = !elements.hasNext();
        while (elements.hasNext()) {
            newLine(depth);
            write(elements.next(), depth + 1);
            separate(elements.hasNext());
        }
        close(']', empty, depth);
    }

    private void separate(boolean more) {
        if (more) {
            out.append(indent == null ? ", " : ",");
        }
    }

    private void close(char bracket, boolean empty, int depth) {
        if (!empty) {
            newLine(depth - 1);
        }
        out.append(bracket);
    }

    private void newLine(int depth) {
        if (indent != null) {
            out.append('\n').append(indent.repeat(depth));
        }
    }

    private void writeString(String string) {
        out.append('"');
        for (int i = 0; i < string.length(); i++) {
            char c = string.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\f' -> out.append("\\f");
                case '\b' -> out.append("\\b");
                default -> {
                    if (c < ' ' || ensureAscii && c > '~') {
                        out.append(String.format("\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }

    /** Python's {@code repr}: the fewest digits that read back as the same double, an exponent from 1e16 and below 1e-4. */
    static String repr(double number) {
        if (Double.isNaN(number)) {
            return "NaN";
        }
        if (Double.isInfinite(number)) {
            return number > 0 ? "Infinity" : "-Infinity";
        }
        if (number == 0) {
            return 1 / number > 0 ? "0.0" : "-0.0";
        }
        BigDecimal shortest = shortest(number);
        int exponent = shortest.precision() - shortest.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            String plain = shortest.toPlainString();
            return plain.indexOf('.') < 0 ? plain + ".0" : plain;
        }
        String digits = shortest.unscaledValue().abs().toString();
        return (number < 0 ? "-" : "")
                + digits.charAt(0)
                + (digits.length() > 1 ? "." + digits.substring(1) : "")
                + String.format("e%s%02d", exponent < 0 ? "-" : "+", Math.abs(exponent));
    }

    /** {@link Double#toString} gives one digit too many for some numbers before JDK 19. */
    private static BigDecimal shortest(double number) {
        BigDecimal exact = new BigDecimal(number);
        for (int digits = 1; digits < 17; digits++) {
            BigDecimal rounded = exact.round(new MathContext(digits));
            if (rounded.doubleValue() == number) {
                return rounded.stripTrailingZeros();
            }
        }
        return exact.round(new MathContext(17)).stripTrailingZeros();
    }
}
