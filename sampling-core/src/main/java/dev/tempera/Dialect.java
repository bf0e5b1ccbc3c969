package dev.tempera;

import java.util.Map;
import java.util.TreeSet;

/**
 * Whose rules parameters follow: the order of the stages, ties, what the penalties count, what 0 means, which ranges are
 * allowed. A dialect reproduces its peer in exact arithmetic, not the peer's rounding, and rejects what the peer does
 * not have. Only this library's own parameters, {@code distinct_token_penalty}, {@code processors} and
 * {@code exempt_markup_from_penalties}, exist in all; the first two run after the penalties.
 */
public enum Dialect {
    /**
     * vLLM (V1 sampler): allowed tokens, bad words, min tokens, bias, repetition, frequency, presence, temperature,
     * min-p, top-k, top-p. Temperature below 1e-5 is greedy.
     */
    VLLM("vLLM", new VllmDialect()),
    /**
     * Hugging Face transformers: bias, repetition, bad words, min tokens, temperature, top-k, top-p, min-p.
     * Temperature 0 is an error.
     */
    TRANSFORMERS("transformers", new TransformersDialect()),
    /**
     * llama.cpp ({@code common_sampler}): bias, penalties over the last 64 tokens, top-k, top-p, min-p and the
     * temperature last. Temperature 0 is greedy.
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
        DialectCompiler compiler = new DialectCompiler(displayName);
        rules.compile(parameters, compiler);
        return compiler.build();
    }

    /** In words, why two peers give different distributions for the same parameters; says so when they do not. */
    public static String difference(Dialect a, Dialect b, SamplingParameters parameters) {
        Map<String, String> ofA = a.rules.describe(parameters);
        Map<String, String> ofB = b.rules.describe(parameters);
        StringBuilder text = new StringBuilder();
        TreeSet<String> topics = new TreeSet<>(ofA.keySet());
        topics.addAll(ofB.keySet());
        for (String topic : topics) {
            String inA = ofA.getOrDefault(topic, "has none");
            String inB = ofB.getOrDefault(topic, "has none");
            if (!inA.equals(inB)) {
                text.append(String.format(" %s: %s %s; %s %s.", topic, a.displayName, inA, b.displayName, inB));
            }
        }
        return text.length() == 0
                ? a.displayName + " and " + b.displayName + " give the same distribution for these parameters."
                : a.displayName + " and " + b.displayName + " differ." + text;
    }
}
