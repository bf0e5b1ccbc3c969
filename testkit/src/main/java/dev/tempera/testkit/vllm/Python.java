package dev.tempera.testkit.vllm;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Values as Python prints them: vLLM's messages hold them. */
final class Python {
    private Python() {}

    /** As {@code str(value)}. */
    static String text(Object value) {
        return value instanceof String string ? string : repr(value);
    }

    static String repr(Object value) {
        if (value instanceof String string) {
            return "'" + string.replace("\\", "\\\\").replace("'", "\\'") + "'";
        }
        if (value instanceof Boolean flag) {
            return flag ? "True" : "False";
        }
        if (value instanceof List<?> list) {
            return list.stream().map(Python::repr).collect(Collectors.joining(", ", "[", "]"));
        }
        return String.valueOf(value);
    }

    /** As {@link #repr}, with containers described by their size: what validation errors show. */
    static String summary(Object value) {
        if (value instanceof List<?> list) {
            return "'<list of " + list.size() + " items>'";
        }
        if (value instanceof Map<?, ?> map) {
            return "'<dict of " + map.size() + " items>'";
        }
        return value instanceof Number number ? "'" + number + "'" : repr(value);
    }
}
