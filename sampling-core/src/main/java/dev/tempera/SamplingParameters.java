package dev.tempera;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
        values.forEach((parameter, value) -> map.put(parameter.wireName(), parameter.write(value)));
        return map;
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

    /**
     * What is allowed and yet probably not meant: stages without effect, order traps, unusual values. Each ends in its id
     * in brackets, for instance {@code [greedy-cuts]}; docs/warnings.md has a section for each.
     */
    public List<String> warnings() {
        return ParameterLinter.warnings(this);
    }

    /** The parameters that are set to something that changes anything. */
    Set<Parameter> effective() {
        Set<Parameter> effective = EnumSet.noneOf(Parameter.class);
        values.forEach((parameter, value) -> {
            if (!parameter.isNeutral(value)) {
                effective.add(parameter);
            }
        });
        return effective;
    }

    double number(Parameter parameter, double unset) {
        return this.<Number>get(parameter, unset).doubleValue();
    }

    int integer(Parameter parameter, int unset) {
        return get(parameter, unset);
    }

    /**
     * The set parameters that {@link #toPipeline} turns into stages; not among them are stop conditions,
     * limits and the seed, which are the engine's to obey.
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

    // Temperature and what else moves logits.

    public @Nullable Double temperature() {
        return get(Parameter.TEMPERATURE);
    }

    /** The temperature moves by this much around {@link #temperature}, with the entropy of the position. */
    public @Nullable Double dynatempRange() {
        return get(Parameter.DYNATEMP_RANGE);
    }

    /** How the dynamic temperature follows the entropy; 1 when not set. */
    public @Nullable Double dynatempExponent() {
        return get(Parameter.DYNATEMP_EXPONENT);
    }

    /** Quadratic smoothing: pulls logits near the largest one together; 0 is off. */
    public @Nullable Double smoothingFactor() {
        return get(Parameter.SMOOTHING_FACTOR);
    }

    /** The cubic part of the smoothing; 1, none, when not set. */
    public @Nullable Double smoothingCurve() {
        return get(Parameter.SMOOTHING_CURVE);
    }

    /** Classifier-free guidance: how far to move from the negative prompt's logits; 1 is off. */
    public @Nullable Double guidanceScale() {
        return get(Parameter.GUIDANCE_SCALE);
    }

    // What cuts the unlikely off.

    public @Nullable Integer topK() {
        return get(Parameter.TOP_K);
    }

    public @Nullable Double topP() {
        return get(Parameter.TOP_P);
    }

    public @Nullable Double minP() {
        return get(Parameter.MIN_P);
    }

    public @Nullable Double typicalP() {
        return get(Parameter.TYPICAL_P);
    }

    /** Cuts what is less probable than this times the square of the largest probability. */
    public @Nullable Double topA() {
        return get(Parameter.TOP_A);
    }

    /** Tail-free sampling; 1 is off. */
    public @Nullable Double tfs() {
        return get(Parameter.TFS);
    }

    /** Cuts logits that are more standard deviations than this below the largest; 0 or less is off. */
    public @Nullable Double topNSigma() {
        return get(Parameter.TOP_N_SIGMA);
    }

    /** Keeps the head that holds this share of the entropy. */
    public @Nullable Double topH() {
        return get(Parameter.TOP_H);
    }

    /** Cuts what is less probable than this. */
    public @Nullable Double epsilonCutoff() {
        return get(Parameter.EPSILON_CUTOFF);
    }

    /** As {@link #epsilonCutoff}, lower where the entropy is high. */
    public @Nullable Double etaCutoff() {
        return get(Parameter.ETA_CUTOFF);
    }

    /** How often the most probable tokens are left out, see {@link #xtcThreshold}. */
    public @Nullable Double xtcProbability() {
        return get(Parameter.XTC_PROBABILITY);
    }

    /** From which probability on a token is left out, but for the last of them; 0.1 when not set. */
    public @Nullable Double xtcThreshold() {
        return get(Parameter.XTC_THRESHOLD);
    }

    /** How many candidates every cut leaves. */
    public @Nullable Integer minKeep() {
        return get(Parameter.MIN_KEEP);
    }

    // What looks at the text so far.

    public @Nullable Double repetitionPenalty() {
        return get(Parameter.REPETITION_PENALTY);
    }

    public @Nullable Double presencePenalty() {
        return get(Parameter.PRESENCE_PENALTY);
    }

    public @Nullable Double frequencyPenalty() {
        return get(Parameter.FREQUENCY_PENALTY);
    }

    /** Subtracted once from every distinct token already seen. */
    public @Nullable Double distinctTokenPenalty() {
        return get(Parameter.DISTINCT_TOKEN_PENALTY);
    }

    /** How many tokens the penalties look back; -1 all, 0 switches them off. */
    public @Nullable Integer penaltyLastN() {
        return get(Parameter.PENALTY_LAST_N);
    }

    /** Whether chat markup such as {@code <|im_end|>} is spared by every penalty; unlike in any peer. */
    public @Nullable Boolean exemptMarkupFromPenalties() {
        return get(Parameter.EXEMPT_MARKUP_FROM_PENALTIES);
    }

    /** Above 1 makes tokens of the prompt more likely. */
    public @Nullable Double encoderRepetitionPenalty() {
        return get(Parameter.ENCODER_REPETITION_PENALTY);
    }

    /** How strong DRY, which penalises the continuation of a repeat, is; 0 is off. */
    public @Nullable Double dryMultiplier() {
        return get(Parameter.DRY_MULTIPLIER);
    }

    /** By what DRY's penalty grows with each token of the repeat; 1.75 when not set. */
    public @Nullable Double dryBase() {
        return get(Parameter.DRY_BASE);
    }

    /** How long a repeat DRY lets pass; 2 when not set. */
    public @Nullable Integer dryAllowedLength() {
        return get(Parameter.DRY_ALLOWED_LENGTH);
    }

    /** How many tokens DRY looks back; -1, all, when not set. */
    public @Nullable Integer dryPenaltyLastN() {
        return get(Parameter.DRY_PENALTY_LAST_N);
    }

    /** Strings over which DRY does not carry a repeat; null when not set. */
    public @Nullable List<String> drySequenceBreakers() {
        return get(Parameter.DRY_SEQUENCE_BREAKERS);
    }

    /** No sequence of so many tokens comes twice; 0 is off. */
    public @Nullable Integer noRepeatNgramSize() {
        return get(Parameter.NO_REPEAT_NGRAM_SIZE);
    }

    /** No sequence of so many tokens of the prompt comes again; 0 is off. */
    public @Nullable Integer encoderNoRepeatNgramSize() {
        return get(Parameter.ENCODER_NO_REPEAT_NGRAM_SIZE);
    }

    // What favours, allows, forbids or forces tokens.

    /** Added to logits, by token id; empty when not set. */
    public SortedMap<Integer, Double> logitBias() {
        return get(Parameter.LOGIT_BIAS, Collections.emptySortedMap());
    }

    /** Added to the logit of the last token of a sequence when the text ends in the tokens before it. */
    public Map<List<Integer>, Double> sequenceBias() {
        return get(Parameter.SEQUENCE_BIAS, Map.of());
    }

    /** The only tokens that may come; null when every token may. */
    public @Nullable List<Integer> allowedTokenIds() {
        return get(Parameter.ALLOWED_TOKEN_IDS);
    }

    public List<String> badWords() {
        return get(Parameter.BAD_WORDS, List.of());
    }

    public List<List<Integer>> badWordsTokenIds() {
        return get(Parameter.BAD_WORDS_TOKEN_IDS, List.of());
    }

    /** Texts that must not come; the generation goes back to before one that has. */
    public List<String> bannedStrings() {
        return get(Parameter.BANNED_STRINGS, List.of());
    }

    /** Tokens that never come. */
    public List<Integer> suppressTokens() {
        return get(Parameter.SUPPRESS_TOKENS, List.of());
    }

    /** Tokens that do not come first. */
    public List<Integer> beginSuppressTokens() {
        return get(Parameter.BEGIN_SUPPRESS_TOKENS, List.of());
    }

    /** The token that comes first, after a prompt of one token. */
    public @Nullable Integer forcedBosTokenId() {
        return get(Parameter.FORCED_BOS_TOKEN_ID);
    }

    /** The token that comes last, when {@link #maxTokens} is reached. */
    public List<Integer> forcedEosTokenId() {
        return get(Parameter.FORCED_EOS_TOKEN_ID, List.of());
    }

    public @Nullable Integer minTokens() {
        return get(Parameter.MIN_TOKENS);
    }

    /** As {@link #minTokens}, counted with the prompt. */
    public @Nullable Integer minLength() {
        return get(Parameter.MIN_LENGTH);
    }

    /**
     * From which generated token on, and by what factor a token, the end becomes more likely: a whole number and a
     * factor; null when not set.
     */
    public @Nullable List<Number> exponentialDecayLengthPenalty() {
        return get(Parameter.EXPONENTIAL_DECAY_LENGTH_PENALTY);
    }

    /** After how many tokens the thinking is closed; -1 is never. */
    public @Nullable Integer thinkingTokenBudget() {
        return get(Parameter.THINKING_TOKEN_BUDGET);
    }

    /** Whether NaN becomes 0 and infinity the largest finite number. */
    public @Nullable Boolean removeInvalidValues() {
        return get(Parameter.REMOVE_INVALID_VALUES);
    }

    /** Whether what is left becomes log-probabilities. */
    public @Nullable Boolean renormalizeLogits() {
        return get(Parameter.RENORMALIZE_LOGITS);
    }

    // What chooses, and what else runs.

    /** Sampling that holds the surprise: 1 or 2; 0 is off. */
    public @Nullable Integer mirostat() {
        return get(Parameter.MIROSTAT);
    }

    /** The surprise in bits that mirostat holds; 5 when not set. */
    public @Nullable Double mirostatTau() {
        return get(Parameter.MIROSTAT_TAU);
    }

    /** Mirostat's learning rate; 0.1 when not set. */
    public @Nullable Double mirostatEta() {
        return get(Parameter.MIROSTAT_ETA);
    }

    /** Adaptive-p: the probability around which tokens are chosen; below 0 is off. */
    public @Nullable Double adaptiveTarget() {
        return get(Parameter.ADAPTIVE_TARGET);
    }

    /** How slowly adaptive-p forgets; 0.9 when not set. */
    public @Nullable Double adaptiveDecay() {
        return get(Parameter.ADAPTIVE_DECAY);
    }

    /** What chooses among the candidates, by name; null when the other parameters say it. */
    public @Nullable ProcessorSpec sampler() {
        return get(Parameter.SAMPLER);
    }

    /** llama.cpp's order of its stages; null when not set. One that is not named does not run. */
    public @Nullable List<String> samplers() {
        return get(Parameter.SAMPLERS);
    }

    /** Processors by name, run after the penalties and before the temperature. */
    public List<ProcessorSpec> processors() {
        return get(Parameter.PROCESSORS, List.of());
    }

    // When the text ends, and the seed.

    public @Nullable Integer maxTokens() {
        return get(Parameter.MAX_TOKENS);
    }

    /** Strings that end the text. */
    public List<String> stop() {
        return get(Parameter.STOP, List.of());
    }

    /**
     * Regular expressions of {@link java.util.regex.Pattern} whose match ends the text, as soon as no further text can undo
     * it; a match has 1,024 characters at most.
     */
    public List<String> stopRegex() {
        return get(Parameter.STOP_REGEX, List.of());
    }

    /** Token ids that end the text, besides the model's own. */
    public List<Integer> stopTokenIds() {
        return get(Parameter.STOP_TOKEN_IDS, List.of());
    }

    public @Nullable Boolean includeStopStrInOutput() {
        return get(Parameter.INCLUDE_STOP_STR_IN_OUTPUT);
    }

    /** Whether the model's end-of-generation tokens are ordinary tokens. */
    public @Nullable Boolean ignoreEos() {
        return get(Parameter.IGNORE_EOS);
    }

    /** The text ends at the first token after so many seconds, counted from when the engine turns to the request. */
    public @Nullable Double maxTime() {
        return get(Parameter.MAX_TIME);
    }

    /** The text ends when it repeats itself. */
    public @Nullable RepetitionDetection repetitionDetection() {
        return get(Parameter.REPETITION_DETECTION);
    }

    public @Nullable Long seed() {
        return get(Parameter.SEED);
    }

    @SuppressWarnings("unchecked")
    private <T> @Nullable T get(Parameter parameter) {
        return (T) values.get(parameter);
    }

    @SuppressWarnings("unchecked")
    private <T> T get(Parameter parameter, T unset) {
        return (T) values.getOrDefault(parameter, unset);
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

        // Temperature and what else moves logits.

        public Builder temperature(double temperature) {
            return set(Parameter.TEMPERATURE, temperature);
        }

        public Builder dynatempRange(double range) {
            return set(Parameter.DYNATEMP_RANGE, range);
        }

        public Builder dynatempExponent(double exponent) {
            return set(Parameter.DYNATEMP_EXPONENT, exponent);
        }

        public Builder smoothingFactor(double factor) {
            return set(Parameter.SMOOTHING_FACTOR, factor);
        }

        public Builder smoothingCurve(double curve) {
            return set(Parameter.SMOOTHING_CURVE, curve);
        }

        public Builder guidanceScale(double scale) {
            return set(Parameter.GUIDANCE_SCALE, scale);
        }

        // What cuts the unlikely off.

        public Builder topK(int topK) {
            return set(Parameter.TOP_K, topK);
        }

        public Builder topP(double topP) {
            return set(Parameter.TOP_P, topP);
        }

        public Builder minP(double minP) {
            return set(Parameter.MIN_P, minP);
        }

        public Builder typicalP(double typicalP) {
            return set(Parameter.TYPICAL_P, typicalP);
        }

        public Builder topA(double topA) {
            return set(Parameter.TOP_A, topA);
        }

        public Builder tfs(double z) {
            return set(Parameter.TFS, z);
        }

        public Builder topNSigma(double n) {
            return set(Parameter.TOP_N_SIGMA, n);
        }

        public Builder topH(double topH) {
            return set(Parameter.TOP_H, topH);
        }

        public Builder epsilonCutoff(double epsilon) {
            return set(Parameter.EPSILON_CUTOFF, epsilon);
        }

        public Builder etaCutoff(double eta) {
            return set(Parameter.ETA_CUTOFF, eta);
        }

        public Builder xtcProbability(double probability) {
            return set(Parameter.XTC_PROBABILITY, probability);
        }

        public Builder xtcThreshold(double threshold) {
            return set(Parameter.XTC_THRESHOLD, threshold);
        }

        public Builder minKeep(int tokens) {
            return set(Parameter.MIN_KEEP, tokens);
        }

        // What looks at the text so far.

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

        public Builder encoderRepetitionPenalty(double penalty) {
            return set(Parameter.ENCODER_REPETITION_PENALTY, penalty);
        }

        public Builder dryMultiplier(double multiplier) {
            return set(Parameter.DRY_MULTIPLIER, multiplier);
        }

        public Builder dryBase(double base) {
            return set(Parameter.DRY_BASE, base);
        }

        public Builder dryAllowedLength(int tokens) {
            return set(Parameter.DRY_ALLOWED_LENGTH, tokens);
        }

        public Builder dryPenaltyLastN(int tokens) {
            return set(Parameter.DRY_PENALTY_LAST_N, tokens);
        }

        public Builder drySequenceBreakers(List<String> strings) {
            return set(Parameter.DRY_SEQUENCE_BREAKERS, strings);
        }

        public Builder noRepeatNgramSize(int size) {
            return set(Parameter.NO_REPEAT_NGRAM_SIZE, size);
        }

        public Builder encoderNoRepeatNgramSize(int size) {
            return set(Parameter.ENCODER_NO_REPEAT_NGRAM_SIZE, size);
        }

        // What favours, allows, forbids or forces tokens.

        public Builder logitBias(Map<Integer, Double> biases) {
            return set(Parameter.LOGIT_BIAS, biases);
        }

        public Builder sequenceBias(Map<List<Integer>, Double> biases) {
            return set(Parameter.SEQUENCE_BIAS, biases);
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

        public Builder bannedStrings(List<String> strings) {
            return set(Parameter.BANNED_STRINGS, strings);
        }

        public Builder suppressTokens(List<Integer> tokenIds) {
            return set(Parameter.SUPPRESS_TOKENS, tokenIds);
        }

        public Builder beginSuppressTokens(List<Integer> tokenIds) {
            return set(Parameter.BEGIN_SUPPRESS_TOKENS, tokenIds);
        }

        public Builder forcedBosTokenId(int tokenId) {
            return set(Parameter.FORCED_BOS_TOKEN_ID, tokenId);
        }

        public Builder forcedEosTokenId(List<Integer> tokenIds) {
            return set(Parameter.FORCED_EOS_TOKEN_ID, tokenIds);
        }

        public Builder minTokens(int minTokens) {
            return set(Parameter.MIN_TOKENS, minTokens);
        }

        public Builder minLength(int tokens) {
            return set(Parameter.MIN_LENGTH, tokens);
        }

        public Builder exponentialDecayLengthPenalty(int start, double factor) {
            return set(Parameter.EXPONENTIAL_DECAY_LENGTH_PENALTY, List.of(start, factor));
        }

        public Builder thinkingTokenBudget(int tokens) {
            return set(Parameter.THINKING_TOKEN_BUDGET, tokens);
        }

        public Builder removeInvalidValues(boolean remove) {
            return set(Parameter.REMOVE_INVALID_VALUES, remove);
        }

        public Builder renormalizeLogits(boolean renormalize) {
            return set(Parameter.RENORMALIZE_LOGITS, renormalize);
        }

        // What chooses, and what else runs.

        public Builder mirostat(int version) {
            return set(Parameter.MIROSTAT, version);
        }

        public Builder mirostatTau(double tau) {
            return set(Parameter.MIROSTAT_TAU, tau);
        }

        public Builder mirostatEta(double eta) {
            return set(Parameter.MIROSTAT_ETA, eta);
        }

        public Builder adaptiveTarget(double target) {
            return set(Parameter.ADAPTIVE_TARGET, target);
        }

        public Builder adaptiveDecay(double decay) {
            return set(Parameter.ADAPTIVE_DECAY, decay);
        }

        public Builder sampler(ProcessorSpec spec) {
            return set(Parameter.SAMPLER, spec);
        }

        public Builder samplers(List<String> names) {
            return set(Parameter.SAMPLERS, names);
        }

        public Builder processors(List<ProcessorSpec> specs) {
            return set(Parameter.PROCESSORS, specs);
        }

        // When the text ends, and the seed.

        public Builder maxTokens(int maxTokens) {
            return set(Parameter.MAX_TOKENS, maxTokens);
        }

        public Builder stop(List<String> strings) {
            return set(Parameter.STOP, strings);
        }

        public Builder stopRegex(List<String> regexes) {
            return set(Parameter.STOP_REGEX, regexes);
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

        public Builder maxTime(double seconds) {
            return set(Parameter.MAX_TIME, seconds);
        }

        public Builder repetitionDetection(RepetitionDetection detection) {
            return set(Parameter.REPETITION_DETECTION, detection);
        }

        public Builder seed(long seed) {
            return set(Parameter.SEED, seed);
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
