package dev.tempera;

import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Whose rules parameters follow: the order of the stages, ties, what the penalties count, what 0 means, which ranges are
 * allowed. A dialect reproduces its peer in exact arithmetic, not the peer's rounding, and rejects what the peer does
 * not have; docs/dialects.md has the table. This library's own parameters exist in all: {@code distinct_token_penalty},
 * {@code banned_strings} and {@code processors} run after the peer's penalties, {@code smoothing_factor}, {@code tfs} and
 * {@code top_a} after its last cut, {@code sampler} ends the pipeline, {@code exempt_markup_from_penalties} holds
 * throughout.
 */
public enum Dialect {
    /**
     * vLLM (V1 sampler): allowed tokens, bad words, min tokens, bias, repetition, frequency, presence, thinking budget,
     * temperature, min-p, top-k, top-p. Temperature below 1e-5 is greedy.
     */
    VLLM("vLLM", new VllmDialect()),
    /**
     * Hugging Face transformers: guidance, biases, repetition, n-grams, bad words, lengths, forced and suppressed tokens,
     * temperature, top-h, top-k, top-p, min-p, typical, epsilon, eta. Temperature 0 is an error.
     */
    TRANSFORMERS("transformers", new TransformersDialect()),
    /**
     * llama.cpp ({@code common_sampler}): thinking budget, bias, penalties over the last 64 tokens, dry, top-n-sigma,
     * top-k, typical, top-p, min-p, xtc and the temperature last, unless {@code samplers} gives another order. Temperature
     * 0 is greedy. With mirostat nothing runs but the bias, the temperature and mirostat.
     */
    LLAMA_CPP("llama.cpp", new LlamaCppDialect());

    private final String displayName;
    private final DialectRules rules;

    Dialect(String displayName, DialectRules rules) {
        this.displayName = displayName;
        this.rules = rules;
    }

    /** The peer's name as people write it. */
    public String displayName() {
        return displayName;
    }

    SamplingPipeline compile(SamplingParameters parameters) {
        Set<Parameter> effective = parameters.effective();
        DialectCompiler compiler = new DialectCompiler(displayName, effective);
        for (Parameter parameter : effective) {
            if (parameter.isPartOfPipeline() && !has(parameter)) {
                compiler.reject(parameter, rules.advice(parameter));
            }
        }
        rules.compile(parameters, compiler);
        return compiler.build();
    }

    /** Whether the peer has it, or it is this library's own. */
    boolean has(Parameter parameter) {
        return rules.parameters().contains(parameter) || DialectCompiler.OWN.contains(parameter);
    }

    private boolean has(String name) {
        return has(Parameter.valueOf(name.toUpperCase(Locale.ROOT)));
    }

    /**
     * In words, why two peers give different distributions for the same parameters, or which of them refuses these; says
     * so when they do not differ.
     */
    public static String difference(Dialect a, Dialect b, SamplingParameters parameters) {
        String refusalOfA = a.refusal(parameters);
        String refusalOfB = b.refusal(parameters);
        String both = a.displayName + " and " + b.displayName;
        if (refusalOfA.isEmpty() && refusalOfB.isEmpty()) {
            String reasons = reasons(a, b, parameters);
            return reasons.isEmpty()
                    ? both + " give the same distribution for these parameters."
                    : both + " differ." + reasons;
        }
        String refusals = refusalOfA + refusalOfB;
        return refusalOfA.isEmpty() || refusalOfB.isEmpty()
                ? both + " differ." + refusals + reasons(a, b, parameters)
                : "Neither " + a.displayName + " nor " + b.displayName + " takes these parameters." + refusals;
    }

    private String refusal(SamplingParameters parameters) {
        try {
            compile(parameters);
            return "";
        } catch (InvalidParametersException e) {
            return " " + displayName + " refuses them: " + e.getMessage() + ".";
        }
    }

    private static String reasons(Dialect a, Dialect b, SamplingParameters parameters) {
        Map<String, String> ofA = a.rules.describe(parameters);
        Map<String, String> ofB = b.rules.describe(parameters);
        boolean bothTakeThem =
                a.refusal(parameters).isEmpty() && b.refusal(parameters).isEmpty();
        TreeSet<String> topics = new TreeSet<>(ofA.keySet());
        topics.addAll(ofB.keySet());
        if (!bothTakeThem) {
            // About what only one of them takes, the refusal has said it.
            topics.removeIf(topic -> !(ofA.containsKey(topic) && ofB.containsKey(topic))
                    && !(Description.isDropped(ofA, topic) && b.has(topic))
                    && !(Description.isDropped(ofB, topic) && a.has(topic)));
        }
        StringBuilder text = new StringBuilder();
        for (String topic : topics) {
            String inA = ofA.getOrDefault(topic, "takes it as it is");
            String inB = ofB.getOrDefault(topic, "takes it as it is");
            if (!inA.equals(inB)) {
                text.append(String.format(" %s: %s %s; %s %s.", topic, a.displayName, inA, b.displayName, inB));
            }
        }
        return text.toString();
    }
}
