package dev.tempera;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * The usual knobs under their usual names. A knob that is null is not set, and not set means neutral: temperature 1 and
 * no cut. Immutable and thread-safe.
 *
 * <p>Only what holds everywhere is checked here: finite numbers, signs, shapes. What a value means and which range it
 * has belongs to a {@link Dialect}; {@link #toPipeline} reports every problem in one message.
 */
public final class SamplingParameters {
    /** Nothing set. */
    public static final SamplingParameters NEUTRAL = builder().build();

    private final Map<Parameter, Object> values;

    private SamplingParameters(Map<Parameter, Object> values) {
        Map<Parameter, Object> copy = new EnumMap<>(Parameter.class);
        copy.putAll(values);
        this.values = Collections.unmodifiableMap(copy);
    }

    public static Builder builder() {
        return new Builder();
    }

    /**
     * Reads JSON-shaped parameters with snake_case names, as {@link #toMap} writes them. A null value is not set.
     *
     * @throws InvalidParametersException with every unknown name and every bad value
     */
    public static SamplingParameters fromMap(Map<String, ?> json) {
        Builder builder = new Builder();
        List<String> problems = new ArrayList<>();
        List<String> unknown = new ArrayList<>();
        json.keySet().forEach(name -> unknown.add(String.valueOf(name)));
        unknown.removeAll(names());
        Collections.sort(unknown); // a map may give its keys in any order
        for (String name : unknown) {
            problems.add("unknown parameter \"" + name + "\"" + Names.suggestion(name, names()) + "; known: "
                    + String.join(", ", names()));
        }
        for (Parameter parameter : Parameter.values()) {
            Object value = json.get(parameter.wireName());
            if (value != null) {
                builder.read(parameter, value, problems);
            }
        }
        if (!problems.isEmpty()) {
            throw new InvalidParametersException(problems);
        }
        return new SamplingParameters(builder.values);
    }

    /** Every parameter's name on the wire, in the order in which they are written. */
    public static List<String> names() {
        List<String> names = new ArrayList<>();
        for (Parameter parameter : Parameter.values()) {
            names.add(parameter.wireName());
        }
        return List.copyOf(names);
    }

    /** The set parameters, JSON-shaped, always in the same order; {@code fromMap(toMap())} equals this. */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        values.forEach((parameter, value) -> map.put(parameter.wireName(), json(parameter, value)));
        return map;
    }

    private Object json(Parameter parameter, Object value) {
        if (parameter == Parameter.LOGIT_BIAS) {
            Map<String, Object> biases = new LinkedHashMap<>();
            logitBias().forEach((tokenId, bias) -> biases.put(tokenId.toString(), bias));
            return biases;
        }
        if (parameter == Parameter.PROCESSORS) {
            List<Map<String, Object>> specs = new ArrayList<>();
            for (ProcessorSpec spec : processors()) {
                Map<String, Object> map = new LinkedHashMap<>();
                map.put("name", spec.name());
                map.putAll(spec.options());
                specs.add(map);
            }
            return specs;
        }
        return value;
    }

    /** These parameters, with every one that {@code other} sets taken from there. */
    public SamplingParameters overrideWith(SamplingParameters other) {
        Map<Parameter, Object> merged = new EnumMap<>(Parameter.class);
        merged.putAll(values);
        merged.putAll(other.values);
        return new SamplingParameters(merged);
    }

    /** As {@link #toPipeline(Dialect)} with {@link Dialect#VLLM}. */
    public SamplingPipeline toPipeline() {
        return toPipeline(Dialect.VLLM);
    }

    /**
     * The processors that these parameters stand for, in the order and with the rules of one peer.
     *
     * @throws InvalidParametersException with every value that the dialect does not allow or does not have
     */
    public SamplingPipeline toPipeline(Dialect dialect) {
        return dialect.compile(this);
    }

    /** What is allowed and yet probably not meant: stages without effect, order traps, unusual values. */
    public List<String> warnings() {
        return ParameterLinter.warnings(this);
    }

    /**
     * The set parameters that {@link #toPipeline} turns into stages; not among them are stop conditions,
     * {@code max_tokens} and the seed, which are the engine's to obey.
     */
    public List<String> pipelineParameters() {
        List<String> names = new ArrayList<>();
        for (Parameter parameter : values.keySet()) {
            if (parameter.isPartOfPipeline()) {
                names.add(parameter.wireName());
            }
        }
        return names;
    }

    public @Nullable Double temperature() {
        return (Double) values.get(Parameter.TEMPERATURE);
    }

    public @Nullable Integer topK() {
        return (Integer) values.get(Parameter.TOP_K);
    }

    public @Nullable Double topP() {
        return (Double) values.get(Parameter.TOP_P);
    }

    public @Nullable Double minP() {
        return (Double) values.get(Parameter.MIN_P);
    }

    public @Nullable Double repetitionPenalty() {
        return (Double) values.get(Parameter.REPETITION_PENALTY);
    }

    public @Nullable Double presencePenalty() {
        return (Double) values.get(Parameter.PRESENCE_PENALTY);
    }

    public @Nullable Double frequencyPenalty() {
        return (Double) values.get(Parameter.FREQUENCY_PENALTY);
    }

    /** Subtracted once from every distinct token already seen. */
    public @Nullable Double distinctTokenPenalty() {
        return (Double) values.get(Parameter.DISTINCT_TOKEN_PENALTY);
    }

    /** How many tokens the penalties look back; -1 all, 0 switches them off. */
    public @Nullable Integer penaltyLastN() {
        return (Integer) values.get(Parameter.PENALTY_LAST_N);
    }

    /** Whether chat markup such as {@code <|im_end|>} is spared by every penalty; unlike in any peer. */
    public @Nullable Boolean exemptMarkupFromPenalties() {
        return (Boolean) values.get(Parameter.EXEMPT_MARKUP_FROM_PENALTIES);
    }

    /** Added to logits, by token id; empty when not set. */
    @SuppressWarnings("unchecked")
    public SortedMap<Integer, Double> logitBias() {
        return (SortedMap<Integer, Double>) values.getOrDefault(Parameter.LOGIT_BIAS, Collections.emptySortedMap());
    }

    /** The only tokens that may come; null when every token may. */
    @SuppressWarnings("unchecked")
    public @Nullable List<Integer> allowedTokenIds() {
        return (List<Integer>) values.get(Parameter.ALLOWED_TOKEN_IDS);
    }

    @SuppressWarnings("unchecked")
    public List<String> badWords() {
        return (List<String>) values.getOrDefault(Parameter.BAD_WORDS, List.of());
    }

    @SuppressWarnings("unchecked")
    public List<List<Integer>> badWordsTokenIds() {
        return (List<List<Integer>>) values.getOrDefault(Parameter.BAD_WORDS_TOKEN_IDS, List.of());
    }

    public @Nullable Integer minTokens() {
        return (Integer) values.get(Parameter.MIN_TOKENS);
    }

    public @Nullable Integer maxTokens() {
        return (Integer) values.get(Parameter.MAX_TOKENS);
    }

    /** Strings that end the text. */
    @SuppressWarnings("unchecked")
    public List<String> stop() {
        return (List<String>) values.getOrDefault(Parameter.STOP, List.of());
    }

    /** Token ids that end the text, besides the model's own. */
    @SuppressWarnings("unchecked")
    public List<Integer> stopTokenIds() {
        return (List<Integer>) values.getOrDefault(Parameter.STOP_TOKEN_IDS, List.of());
    }

    public @Nullable Boolean includeStopStrInOutput() {
        return (Boolean) values.get(Parameter.INCLUDE_STOP_STR_IN_OUTPUT);
    }

    /** Whether the model's end-of-generation tokens are ordinary tokens. */
    public @Nullable Boolean ignoreEos() {
        return (Boolean) values.get(Parameter.IGNORE_EOS);
    }

    public @Nullable Long seed() {
        return (Long) values.get(Parameter.SEED);
    }

    /** Processors by name, run after the penalties and before the temperature. */
    @SuppressWarnings("unchecked")
    public List<ProcessorSpec> processors() {
        return (List<ProcessorSpec>) values.getOrDefault(Parameter.PROCESSORS, List.of());
    }

    public Builder toBuilder() {
        Builder builder = new Builder();
        builder.values.putAll(values);
        return builder;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof SamplingParameters that && values.equals(that.values);
    }

    @Override
    public int hashCode() {
        return values.hashCode();
    }

    @Override
    public String toString() {
        return "SamplingParameters" + toMap();
    }

    /** Collects values; {@link #build} checks them all at once. Not thread-safe. */
    public static final class Builder {
        private final Map<Parameter, Object> values = new EnumMap<>(Parameter.class);

        private Builder() {}

        public Builder temperature(double temperature) {
            return set(Parameter.TEMPERATURE, temperature);
        }

        public Builder topK(int topK) {
            return set(Parameter.TOP_K, topK);
        }

        public Builder topP(double topP) {
            return set(Parameter.TOP_P, topP);
        }

        public Builder minP(double minP) {
            return set(Parameter.MIN_P, minP);
        }

        public Builder repetitionPenalty(double penalty) {
            return set(Parameter.REPETITION_PENALTY, penalty);
        }

        public Builder presencePenalty(double penalty) {
            return set(Parameter.PRESENCE_PENALTY, penalty);
        }

        public Builder frequencyPenalty(double penalty) {
            return set(Parameter.FREQUENCY_PENALTY, penalty);
        }

        public Builder distinctTokenPenalty(double alpha) {
            return set(Parameter.DISTINCT_TOKEN_PENALTY, alpha);
        }

        public Builder penaltyLastN(int tokens) {
            return set(Parameter.PENALTY_LAST_N, tokens);
        }

        public Builder exemptMarkupFromPenalties(boolean exempt) {
            return set(Parameter.EXEMPT_MARKUP_FROM_PENALTIES, exempt);
        }

        public Builder logitBias(Map<Integer, Double> biases) {
            return set(Parameter.LOGIT_BIAS, biases);
        }

        public Builder allowedTokenIds(List<Integer> tokenIds) {
            return set(Parameter.ALLOWED_TOKEN_IDS, tokenIds);
        }

        public Builder badWords(List<String> words) {
            return set(Parameter.BAD_WORDS, words);
        }

        public Builder badWordsTokenIds(List<List<Integer>> sequences) {
            return set(Parameter.BAD_WORDS_TOKEN_IDS, sequences);
        }

        public Builder minTokens(int minTokens) {
            return set(Parameter.MIN_TOKENS, minTokens);
        }

        public Builder maxTokens(int maxTokens) {
            return set(Parameter.MAX_TOKENS, maxTokens);
        }

        public Builder stop(List<String> strings) {
            return set(Parameter.STOP, strings);
        }

        public Builder stopTokenIds(List<Integer> tokenIds) {
            return set(Parameter.STOP_TOKEN_IDS, tokenIds);
        }

        public Builder includeStopStrInOutput(boolean include) {
            return set(Parameter.INCLUDE_STOP_STR_IN_OUTPUT, include);
        }

        public Builder ignoreEos(boolean ignoreEos) {
            return set(Parameter.IGNORE_EOS, ignoreEos);
        }

        public Builder seed(long seed) {
            return set(Parameter.SEED, seed);
        }

        public Builder processors(List<ProcessorSpec> specs) {
            return set(Parameter.PROCESSORS, specs);
        }

        /** @throws InvalidParametersException with every bad value */
        public SamplingParameters build() {
            List<String> problems = new ArrayList<>();
            Map<Parameter, Object> given = new EnumMap<>(Parameter.class);
            given.putAll(values);
            given.forEach((parameter, value) -> read(parameter, value, problems));
            if (!problems.isEmpty()) {
                throw new InvalidParametersException(problems);
            }
            return new SamplingParameters(values);
        }

        private Builder set(Parameter parameter, Object value) {
            values.put(parameter, value);
            return this;
        }

        private void read(Parameter parameter, Object value, List<String> problems) {
            try {
                values.put(parameter, parameter.read(value));
            } catch (InvalidParametersException e) {
                problems.addAll(e.problems());
            }
        }
    }
}
