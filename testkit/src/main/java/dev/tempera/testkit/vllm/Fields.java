package dev.tempera.testkit.vllm;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Reads the fields of a JSON object by type, as pydantic does, and collects what does not fit. Null is as good as not
 * there. Belongs to one thread.
 */
final class Fields {
    private static final BigInteger LONG_MAX = BigInteger.valueOf(Long.MAX_VALUE);
    private static final BigInteger LONG_MIN = BigInteger.valueOf(Long.MIN_VALUE);

    private final Map<String, Object> json;
    private final String location;
    private final List<String> errors;
    private final List<String> locations;

    Fields(Map<String, Object> json) {
        this(json, "body", new ArrayList<>(), new ArrayList<>());
    }

    private Fields(Map<String, Object> json, String location, List<String> errors, List<String> locations) {
        this.json = json;
        this.location = location;
        this.errors = errors;
        this.locations = locations;
    }

    /** An object inside; without fields if it is not there. */
    Fields object(String name) {
        Map<String, Object> inside = map(name);
        return new Fields(inside == null ? Map.of() : inside, location + "." + name, errors, locations);
    }

    boolean has(String name) {
        return json.get(name) != null;
    }

    @Nullable
    Object get(String name) {
        return json.get(name);
    }

    void require(String name) {
        if (!json.containsKey(name)) {
            error("missing", name, "Field required", json, "");
        }
    }

    @Nullable
    Double number(String name) {
        return read(name, (at, value) -> {
            if (value instanceof Number number) {
                return number.doubleValue();
            }
            if (value instanceof String text) {
                try {
                    return Double.parseDouble(text.strip());
                } catch (NumberFormatException e) {
                    error(
                            "float_parsing",
                            at,
                            "Input should be a valid number, unable to parse string as a number",
                            value,
                            "");
                    return null;
                }
            }
            error("float_type", at, "Input should be a valid number", value, "");
            return null;
        });
    }

    @Nullable
    Long integer(String name) {
        return read(name, this::integer);
    }

    private @Nullable Long integer(String at, Object value) {
        if (value instanceof Integer || value instanceof Long) {
            return ((Number) value).longValue();
        }
        if (value instanceof BigInteger big) {
            boolean above = big.signum() > 0;
            BigInteger limit = above ? LONG_MAX : LONG_MIN;
            error(
                    above ? "less_than_equal" : "greater_than_equal",
                    at,
                    "Input should be " + (above ? "less" : "greater") + " than or equal to " + limit,
                    value,
                    ", 'ctx': {'" + (above ? "le" : "ge") + "': " + limit + "}");
            return null;
        }
        if (value instanceof Double number) {
            if (number == Math.rint(number)) {
                return number.longValue();
            }
            error(
                    "int_from_float",
                    at,
                    "Input should be a valid integer, got a number with a fractional part",
                    value,
                    "");
            return null;
        }
        if (value instanceof String text) {
            try {
                return Long.parseLong(text.strip());
            } catch (NumberFormatException e) {
                error(
                        "int_parsing",
                        at,
                        "Input should be a valid integer, unable to parse string as an integer",
                        value,
                        "");
                return null;
            }
        }
        error("int_type", at, "Input should be a valid integer", value, "");
        return null;
    }

    boolean flag(String name, boolean unset) {
        Boolean value = read(name, (at, given) -> {
            if (given instanceof Boolean flag) {
                return flag;
            }
            error("bool_type", at, "Input should be a valid boolean", given, "");
            return null;
        });
        return value == null ? unset : value;
    }

    @Nullable
    String string(String name) {
        return read(name, this::string);
    }

    private @Nullable String string(String at, Object value) {
        if (value instanceof String text) {
            return text;
        }
        error("string_type", at, "Input should be a valid string", value, "");
        return null;
    }

    /** Null if it is not there. */
    @Nullable
    List<String> strings(String name) {
        return list(name, this::string);
    }

    /** A string is as good as a list of one. */
    @Nullable
    List<String> stringOrStrings(String name) {
        return json.get(name) instanceof String one ? List.of(one) : strings(name);
    }

    @Nullable
    List<Integer> integers(String name) {
        List<Long> values = list(name, this::integer);
        return values == null ? null : values.stream().map(Long::intValue).toList();
    }

    private <T> @Nullable List<T> list(String name, BiFunction<String, Object, @Nullable T> read) {
        return read(name, (at, value) -> {
            if (!(value instanceof List<?> given)) {
                error("list_type", at, "Input should be a valid list", value, "");
                return null;
            }
            List<T> result = new ArrayList<>();
            for (int i = 0; i < given.size(); i++) {
                Object item = given.get(i);
                T read1 = read.apply(at + "." + i, item == null ? "None" : item);
                if (read1 != null) {
                    result.add(read1);
                }
            }
            return result;
        });
    }

    /** At most so many items. */
    void limit(String name, @Nullable List<?> list, int most) {
        if (list != null && list.size() > most) {
            error(
                    "too_long",
                    name,
                    "List should have at most " + most + " items after validation, not " + list.size(),
                    list,
                    ", 'ctx': {'field_type': 'List', 'max_length': " + most + ", 'actual_length': " + list.size()
                            + "}");
        }
    }

    @Nullable
    Map<String, Object> map(String name) {
        return read(name, (at, value) -> {
            if (value instanceof Map<?, ?> map) {
                Map<String, Object> result = new LinkedHashMap<>();
                map.forEach((key, inside) -> result.put((String) key, inside));
                return result;
            }
            error("dict_type", at, "Input should be a valid dictionary", value, "");
            return null;
        });
    }

    void error(String type, String at, String message, Object input, String context) {
        String where = location + "." + at;
        locations.add(where);
        errors.add("  {'type': '" + type + "', 'loc': '" + where + "', 'msg': '" + message + "', 'input': "
                + Python.summary(input) + context + "}");
    }

    /** @throws Refusal if anything did not fit */
    void check() {
        if (!errors.isEmpty()) {
            throw validation(errors, locations.get(0));
        }
    }

    static Refusal validation(List<String> errors, @Nullable String param) {
        String count = errors.size() + " validation error" + (errors.size() == 1 ? "" : "s");
        return new Refusal(400, "Bad Request", count + ":\n" + String.join("\n", errors), param);
    }

    private <T> @Nullable T read(String name, BiFunction<String, Object, @Nullable T> read) {
        Object value = json.get(name);
        return value == null ? null : read.apply(name, value);
    }
}
