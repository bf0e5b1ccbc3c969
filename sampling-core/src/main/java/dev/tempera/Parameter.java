package dev.tempera;

import static dev.tempera.ParameterShape.BIASES;
import static dev.tempera.ParameterShape.BOOLEAN;
import static dev.tempera.ParameterShape.INTEGER;
import static dev.tempera.ParameterShape.LONG;
import static dev.tempera.ParameterShape.NUMBER;
import static dev.tempera.ParameterShape.STRINGS;
import static dev.tempera.ParameterShape.TOKEN_IDS;

import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Every knob of {@link SamplingParameters}, in the order in which they are written. A knob is a name, the shape of its
 * value, the one rule that holds in every dialect, and the values at which it changes nothing; ranges belong to the
 * dialects.
 */
enum Parameter {
    TEMPERATURE(NUMBER, 0, 1),
    DYNATEMP_RANGE(NUMBER, 0, 0),
    DYNATEMP_EXPONENT(NUMBER, 0),
    SMOOTHING_FACTOR(NUMBER, 0, 0),
    SMOOTHING_CURVE(NUMBER, 0),
    GUIDANCE_SCALE(NUMBER, 0, 1),

    TOP_K(INTEGER, -1, -1, 0),
    TOP_P(NUMBER, 0, 1),
    MIN_P(NUMBER, 0, 0),
    TYPICAL_P(NUMBER, 0, 1),
    TOP_A(NUMBER, 0, 0),
    TFS(NUMBER, 0, 1),
    TOP_N_SIGMA(NUMBER, Double.NEGATIVE_INFINITY, -1, 0),
    TOP_H(NUMBER, 0),
    EPSILON_CUTOFF(NUMBER, 0, 0),
    ETA_CUTOFF(NUMBER, 0, 0),
    XTC_PROBABILITY(NUMBER, 0, 0),
    XTC_THRESHOLD(NUMBER, 0),
    MIN_KEEP(INTEGER, 0, 0, 1),

    REPETITION_PENALTY(NUMBER, 0, 1),
    PRESENCE_PENALTY(NUMBER, Double.NEGATIVE_INFINITY, 0),
    FREQUENCY_PENALTY(NUMBER, Double.NEGATIVE_INFINITY, 0),
    DISTINCT_TOKEN_PENALTY(NUMBER, Double.NEGATIVE_INFINITY, 0),
    PENALTY_LAST_N(INTEGER, -1),
    EXEMPT_MARKUP_FROM_PENALTIES(BOOLEAN),
    ENCODER_REPETITION_PENALTY(NUMBER, 0, 1),
    DRY_MULTIPLIER(NUMBER, 0, 0),
    DRY_BASE(NUMBER, 0),
    DRY_ALLOWED_LENGTH(INTEGER, 0),
    DRY_PENALTY_LAST_N(INTEGER, -1),
    DRY_SEQUENCE_BREAKERS(STRINGS),
    NO_REPEAT_NGRAM_SIZE(INTEGER, 0, 0),
    ENCODER_NO_REPEAT_NGRAM_SIZE(INTEGER, 0, 0),

    LOGIT_BIAS(BIASES),
    SEQUENCE_BIAS(ParameterShape.SEQUENCE_BIASES),
    ALLOWED_TOKEN_IDS(TOKEN_IDS),
    BAD_WORDS(STRINGS),
    BAD_WORDS_TOKEN_IDS(ParameterShape.TOKEN_ID_LISTS),
    BANNED_STRINGS(STRINGS),
    SUPPRESS_TOKENS(TOKEN_IDS),
    BEGIN_SUPPRESS_TOKENS(TOKEN_IDS),
    FORCED_BOS_TOKEN_ID(INTEGER, 0),
    FORCED_EOS_TOKEN_ID(ParameterShape.TOKEN_ID_OR_IDS),
    MIN_TOKENS(INTEGER, 0, 0),
    MIN_LENGTH(INTEGER, 0, 0),
    EXPONENTIAL_DECAY_LENGTH_PENALTY(ParameterShape.START_AND_FACTOR),
    THINKING_TOKEN_BUDGET(INTEGER, -1, -1),
    REMOVE_INVALID_VALUES(BOOLEAN),
    RENORMALIZE_LOGITS(BOOLEAN),

    MIROSTAT(INTEGER, 0, 0),
    MIROSTAT_TAU(NUMBER, 0),
    MIROSTAT_ETA(NUMBER, 0),
    ADAPTIVE_TARGET(NUMBER, Double.NEGATIVE_INFINITY, -1),
    ADAPTIVE_DECAY(NUMBER, 0),
    SAMPLER(ParameterShape.PROCESSOR),
    SAMPLERS(ParameterShape.SAMPLER_NAMES),
    PROCESSORS(ParameterShape.PROCESSORS),

    MAX_TOKENS(INTEGER, 1),
    STOP(STRINGS),
    STOP_REGEX(STRINGS),
    STOP_TOKEN_IDS(TOKEN_IDS),
    INCLUDE_STOP_STR_IN_OUTPUT(BOOLEAN),
    IGNORE_EOS(BOOLEAN),
    MAX_TIME(NUMBER),
    REPETITION_DETECTION(ParameterShape.REPETITION),
    SEED(LONG);

    private final ParameterShape shape;
    private final double least;
    private final double[] neutral;

    Parameter(ParameterShape shape) {
        this(shape, Double.NEGATIVE_INFINITY);
    }

    Parameter(ParameterShape shape, double least, double... neutral) {
        this.shape = shape;
        this.least = least;
        this.neutral = neutral;
    }

    /** Whether it shapes the distribution, so that a pipeline replaces it; the rest is the engine's to obey. */
    boolean isPartOfPipeline() {
        return compareTo(MAX_TOKENS) < 0;
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

    /** The value as JSON has it. */
    Object write(Object value) {
        return shape.write(value);
    }

    /** Whether the value changes nothing in any dialect, as if it were not set. */
    boolean isNeutral(Object value) {
        if (value instanceof Number number) {
            for (double candidate : neutral) {
                if (number.doubleValue() == candidate) {
                    return true;
                }
            }
            return false;
        }
        return switch (this) {
            case ALLOWED_TOKEN_IDS, SAMPLERS, INCLUDE_STOP_STR_IN_OUTPUT -> false; // none allowed is not all allowed
            default ->
                value instanceof Boolean flag && !flag
                        || value instanceof Collection<?> list && list.isEmpty()
                        || value instanceof Map<?, ?> map && map.isEmpty();
        };
    }

    /** @throws InvalidParametersException if the value breaks the rule */
    Object checked(Object value) {
        if (value instanceof Double number) {
            Require.that(Double.isFinite(number), wireName(), "be a finite number", number);
        }
        if (value instanceof Number number && least > Double.NEGATIVE_INFINITY) {
            Require.that(number.doubleValue() >= least, wireName(), "be at least " + (long) least, number);
        }
        if (shape == STRINGS) {
            Require.that(!((List<?>) value).contains(""), wireName(), "hold no empty string", value);
        }
        switch (this) {
            case MIROSTAT -> Require.that((int) value <= 2, wireName(), "be 0 (off), 1 or 2", value);
            case MAX_TIME -> Require.that((double) value > 0, wireName(), "be greater than 0 (seconds)", value);
            case STOP_REGEX -> ((List<?>) value).forEach(regex -> requireRegex((String) regex));
            default -> {}
        }
        return value;
    }

    private static void requireRegex(String regex) {
        try {
            Pattern.compile(regex);
        } catch (PatternSyntaxException e) {
            throw new InvalidParametersException("stop_regex must hold regular expressions, got \"" + regex + "\": "
                    + e.getDescription() + " near index " + e.getIndex());
        }
    }
}
