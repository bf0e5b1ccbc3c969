package dev.tempera;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Every knob of {@link SamplingParameters}, in the order in which they are written. A knob is a name, the shape of its
 * value and the one rule that holds in every dialect; ranges belong to the dialects.
 */
enum Parameter {
    TEMPERATURE(Shape.NUMBER, 0),
    TOP_K(Shape.INTEGER, -1),
    TOP_P(Shape.NUMBER, 0),
    MIN_P(Shape.NUMBER, 0),
    REPETITION_PENALTY(Shape.NUMBER, 0),
    PRESENCE_PENALTY(Shape.NUMBER),
    FREQUENCY_PENALTY(Shape.NUMBER),
    DISTINCT_TOKEN_PENALTY(Shape.NUMBER),
    PENALTY_LAST_N(Shape.INTEGER, -1),
    EXEMPT_MARKUP_FROM_PENALTIES(Shape.BOOLEAN),
    LOGIT_BIAS(Shape.BIASES),
    ALLOWED_TOKEN_IDS(Shape.TOKEN_IDS),
    BAD_WORDS(Shape.STRINGS),
    BAD_WORDS_TOKEN_IDS(Shape.TOKEN_ID_LISTS),
    MIN_TOKENS(Shape.INTEGER, 0),
    MAX_TOKENS(Shape.INTEGER, 1),
    STOP(Shape.STRINGS),
    STOP_TOKEN_IDS(Shape.TOKEN_IDS),
    INCLUDE_STOP_STR_IN_OUTPUT(Shape.BOOLEAN),
    IGNORE_EOS(Shape.BOOLEAN),
    SEED(Shape.LONG),
    PROCESSORS(Shape.PROCESSORS);

    private final Shape shape;
    private final double least;

    Parameter(Shape shape) {
        this(shape, Double.NEGATIVE_INFINITY);
    }

    Parameter(Shape shape, double least) {
        this.shape = shape;
        this.least = least;
    }

    /** Whether it shapes the distribution, so that a pipeline replaces it; the rest is the engine's to obey. */
    boolean isPartOfPipeline() {
        return switch (this) {
            case MAX_TOKENS, STOP, STOP_TOKEN_IDS, INCLUDE_STOP_STR_IN_OUTPUT, IGNORE_EOS, SEED -> false;
            default -> true;
        };
    }

    /** The name on the wire: snake_case. */
    String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Reads a JSON-shaped value.
     *
     * @throws InvalidParametersException if it has another shape or breaks the rule
     */
    Object read(Object value) {
        return checked(shape.read(wireName(), value));
    }

    /** @throws InvalidParametersException if the value breaks the rule */
    Object checked(Object value) {
        if (value instanceof Double number) {
            Require.that(Double.isFinite(number), wireName(), "be a finite number", number);
        }
        if (value instanceof Number number && least > Double.NEGATIVE_INFINITY) {
            Require.that(number.doubleValue() >= least, wireName(), "be at least " + (long) least, number);
        }
        if (this == STOP || this == BAD_WORDS) {
            Require.that(!((List<?>) value).contains(""), wireName(), "hold no empty string", value);
        }
        return value;
    }

    private enum Shape {
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
        },
        PROCESSORS("a list of objects with a name and options") {
            @Override
            Object read(String name, Object value) {
                List<ProcessorSpec> specs = new ArrayList<>();
                for (Object element : list(name, value, this)) {
                    if (element instanceof ProcessorSpec spec) {
                        specs.add(spec);
                        continue;
                    }
                    Require.that(
                            element instanceof Map<?, ?> map && map.get("name") instanceof String,
                            name,
                            "be " + description,
                            Names.shown(element));
                    SortedMap<String, Object> options = new TreeMap<>();
                    ((Map<?, ?>) element).forEach((key, option) -> options.put(String.valueOf(key), option));
                    specs.add(new ProcessorSpec(String.valueOf(options.remove("name")), options));
                }
                return List.copyOf(specs);
            }
        };

        final String description;

        Shape(String description) {
            this.description = description;
        }

        abstract Object read(String name, Object value);

        private static Number number(String name, Object value, Shape shape) {
            Require.that(value instanceof Number, name, "be " + shape.description, Names.shown(value));
            return (Number) value;
        }

        private static int integer(String name, Object value, Shape shape) {
            double number = number(name, value, shape).doubleValue();
            Require.that(number == (int) number, name, "be " + shape.description, Names.shown(value));
            return (int) number;
        }

        private static List<?> list(String name, Object value, Shape shape) {
            Require.that(value instanceof List, name, "be " + shape.description, Names.shown(value));
            return (List<?>) value;
        }

        private static List<Integer> tokenIds(String name, Object value, Shape shape) {
            List<Integer> ids = new ArrayList<>();
            for (Object element : list(name, value, shape)) {
                int tokenId = integer(name, element, shape);
                Require.that(tokenId >= 0, name, "hold token ids of at least 0", tokenId);
                ids.add(tokenId);
            }
            return List.copyOf(ids);
        }
    }
}
