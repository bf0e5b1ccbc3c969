package dev.tempera;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** What a {@link Parameter}'s value looks like in JSON, and how it is read and written. */
enum ParameterShape {
    NUMBER("a number") {
        @Override
        Object read(String name, Object value) {
            return number(name, value, this).doubleValue();
        }
    },
    INTEGER("a whole number") {
        @Override
        Object read(String name, Object value) {
            return integer(name, value, this);
        }
    },
    LONG("a whole number of 64 bits") {
        @Override
        Object read(String name, Object value) {
            Number number = number(name, value, this);
            // 2^63 as a double equals the long that it would be cut to.
            boolean fits = number instanceof BigInteger big
                    ? big.bitLength() < 64
                    : number.doubleValue() == number.longValue() && number.doubleValue() < 0x1p63
                            || number instanceof Long;
            Require.that(fits, name, "be " + description, Names.shown(value));
            return number.longValue();
        }
    },
    BOOLEAN("true or false") {
        @Override
        Object read(String name, Object value) {
            Require.that(value instanceof Boolean, name, "be " + description, Names.shown(value));
            return value;
        }
    },
    STRINGS("a string or a list of strings") {
        @Override
        Object read(String name, Object value) {
            List<String> strings = new ArrayList<>();
            for (Object element : value instanceof String ? List.of(value) : list(name, value, this)) {
                Require.that(element instanceof String, name, "be " + description, Names.shown(value));
                strings.add((String) element);
            }
            return List.copyOf(strings);
        }
    },
    TOKEN_IDS("a list of token ids") {
        @Override
        Object read(String name, Object value) {
            return tokenIds(name, value, this);
        }
    },
    TOKEN_ID_OR_IDS("a token id or a list of token ids") {
        @Override
        Object read(String name, Object value) {
            return tokenIds(name, value instanceof Number ? List.of(value) : value, this);
        }
    },
    TOKEN_ID_LISTS("a list of lists of token ids") {
        @Override
        Object read(String name, Object value) {
            List<List<Integer>> lists = new ArrayList<>();
            for (Object element : list(name, value, this)) {
                lists.add(tokenIds(name, element, this));
            }
            return List.copyOf(lists);
        }
    },
    BIASES("an object of token ids and numbers") {
        @Override
        Object read(String name, Object value) {
            Require.that(value instanceof Map, name, "be " + description, Names.shown(value));
            SortedMap<Integer, Double> biases = new TreeMap<>();
            ((Map<?, ?>) value).forEach((key, bias) -> {
                int tokenId;
                try {
                    tokenId = Integer.parseInt(String.valueOf(key));
                } catch (NumberFormatException e) {
                    throw new InvalidParametersException(
                            name + " must be " + description + ", got the id " + Names.shown(key));
                }
                double number = number(name, bias, this).doubleValue();
                Require.that(tokenId >= 0, name, "hold token ids of at least 0", tokenId);
                Require.that(number < Double.POSITIVE_INFINITY, name, "hold numbers below +inf", number);
                biases.put(tokenId, number);
            });
            return Collections.unmodifiableSortedMap(biases);
        }

        @Override
        Object write(Object value) {
            Map<String, Object> biases = new LinkedHashMap<>();
            ((Map<?, ?>) value).forEach((tokenId, bias) -> biases.put(tokenId.toString(), bias));
            return biases;
        }
    },
    SEQUENCE_BIASES("a list of pairs of token ids and a number") {
        @Override
        Object read(String name, Object value) {
            Map<List<Integer>, Double> biases = new LinkedHashMap<>();
            if (value instanceof Map<?, ?> map) {
                map.forEach((ids, bias) -> put(name, ids, bias, biases));
                return Collections.unmodifiableMap(biases);
            }
            for (Object element : list(name, value, this)) {
                Require.that(
                        element instanceof List<?> pair && pair.size() == 2,
                        name,
                        "be " + description,
                        Names.shown(element));
                put(name, ((List<?>) element).get(0), ((List<?>) element).get(1), biases);
            }
            return Collections.unmodifiableMap(biases);
        }

        private void put(String name, Object ids, Object bias, Map<List<Integer>, Double> biases) {
            List<Integer> sequence = tokenIds(name, ids, this);
            Require.that(!sequence.isEmpty(), name, "hold no empty token sequence", ids);
            double number = number(name, bias, this).doubleValue();
            Require.that(number < Double.POSITIVE_INFINITY, name, "hold numbers below +inf", number);
            biases.put(sequence, number);
        }

        @Override
        Object write(Object value) {
            List<Object> pairs = new ArrayList<>();
            ((Map<?, ?>) value).forEach((ids, bias) -> pairs.add(List.of(ids, bias)));
            return pairs;
        }
    },
    START_AND_FACTOR("a list of two numbers, start and factor") {
        @Override
        Object read(String name, Object value) {
            List<?> pair = list(name, value, this);
            Require.that(pair.size() == 2, name, "be " + description, value);
            int start = integer(name, pair.get(0), this);
            double factor = number(name, pair.get(1), this).doubleValue();
            Require.that(start >= 0, name, "have a start of at least 0", start);
            Require.that(factor > 0 && Double.isFinite(factor), name, "have a factor greater than 0", factor);
            return List.of(start, factor);
        }
    },
    SAMPLER_NAMES("a list of names, names joined by \";\", or a string of one letter for each") {
        @Override
        Object read(String name, Object value) {
            return ChainOrder.names(name, value instanceof String ? value : list(name, value, this));
        }
    },
    REPETITION("an object with max_pattern_size, min_pattern_size and min_count") {
        @Override
        Object read(String name, Object value) {
            if (value instanceof RepetitionDetection) {
                return value;
            }
            Require.that(value instanceof Map, name, "be " + description, Names.shown(value));
            SortedMap<String, Object> fields = new TreeMap<>();
            ((Map<?, ?>) value).forEach((key, field) -> fields.put(String.valueOf(key), field));
            Options options = Options.of(fields);
            try {
                RepetitionDetection detection = RepetitionDetection.read(options);
                if (!options.unread().isEmpty()) {
                    throw new InvalidParametersException("has no field " + Names.quoted(options.unread()) + "; it has "
                            + String.join(", ", options.asked()));
                }
                return detection;
            } catch (InvalidParametersException e) {
                throw new InvalidParametersException(name + ": " + e.getMessage());
            }
        }

        @Override
        Object write(Object value) {
            return ((RepetitionDetection) value).toMap();
        }
    },
    PROCESSOR("an object with a name and options") {
        @Override
        Object read(String name, Object value) {
            return spec(name, value, this);
        }

        @Override
        Object write(Object value) {
            return json((ProcessorSpec) value);
        }
    },
    PROCESSORS("a list of objects with a name and options") {
        @Override
        Object read(String name, Object value) {
            List<ProcessorSpec> specs = new ArrayList<>();
            for (Object element : list(name, value, this)) {
                specs.add(spec(name, element, this));
            }
            return List.copyOf(specs);
        }

        @Override
        Object write(Object value) {
            List<Object> specs = new ArrayList<>();
            ((List<?>) value).forEach(spec -> specs.add(json((ProcessorSpec) spec)));
            return specs;
        }
    };

    final String description;

    ParameterShape(String description) {
        this.description = description;
    }

    /** @throws InvalidParametersException if the value has another shape */
    abstract Object read(String name, Object value);

    /** The value, JSON-shaped. */
    Object write(Object value) {
        return value;
    }

    private static ProcessorSpec spec(String name, Object value, ParameterShape shape) {
        if (value instanceof ProcessorSpec spec) {
            return spec;
        }
        Require.that(value instanceof Map, name, "be " + shape.description, Names.shown(value));
        Require.that(
                ((Map<?, ?>) value).get("name") instanceof String,
                name,
                "have a \"name\" beside the options, as {\"name\": \"top_k\", \"k\": 5}",
                value);
        SortedMap<String, Object> options = new TreeMap<>();
        ((Map<?, ?>) value).forEach((key, option) -> options.put(String.valueOf(key), option));
        return new ProcessorSpec(String.valueOf(options.remove("name")), options);
    }

    private static Map<String, Object> json(ProcessorSpec spec) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("name", spec.name());
        map.putAll(spec.options());
        return map;
    }

    private static Number number(String name, Object value, ParameterShape shape) {
        Require.that(value instanceof Number, name, "be " + shape.description, Names.shown(value));
        return (Number) value;
    }

    private static int integer(String name, Object value, ParameterShape shape) {
        double number = number(name, value, shape).doubleValue();
        Require.that(number == (int) number, name, "be " + shape.description, Names.shown(value));
        return (int) number;
    }

    private static List<?> list(String name, Object value, ParameterShape shape) {
        Require.that(value instanceof List, name, "be " + shape.description, Names.shown(value));
        return (List<?>) value;
    }

    private static List<Integer> tokenIds(String name, Object value, ParameterShape shape) {
        List<Integer> ids = new ArrayList<>();
        for (Object element : list(name, value, shape)) {
            int tokenId = integer(name, element, shape);
            Require.that(tokenId >= 0, name, "hold token ids of at least 0", tokenId);
            ids.add(tokenId);
        }
        return List.copyOf(ids);
    }
}
