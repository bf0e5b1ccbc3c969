package dev.tempera.vllm;

import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Every field of a request that is the caller's to set beside sampling and the engine options of the core: what it may
 * hold and which routes have it. Read in vLLM's request classes (vllm-project/vllm 0.32.0).
 */
enum BodyField {
    PROMPT_LOGPROBS(Shape.AT_LEAST_MINUS_ONE, true, Route.GENERATE, Route.COMPLETIONS, Route.CHAT),
    LOGPROB_TOKEN_IDS(Shape.TOKEN_IDS, true, Route.GENERATE, Route.COMPLETIONS, Route.CHAT),
    SKIP_SPECIAL_TOKENS(Shape.BOOLEAN, true, Route.GENERATE, Route.COMPLETIONS, Route.CHAT),
    SPACES_BETWEEN_SPECIAL_TOKENS(Shape.BOOLEAN, true, Route.GENERATE, Route.COMPLETIONS, Route.CHAT),
    STREAM_INTERVAL(Shape.POSITIVE, true, Route.GENERATE, Route.COMPLETIONS, Route.CHAT),
    WATERMARKING(Shape.BOOLEAN, true, Route.GENERATE, Route.COMPLETIONS, Route.CHAT),
    KV_TRANSFER_PARAMS(Shape.OBJECT, false, Route.GENERATE, Route.COMPLETIONS, Route.CHAT),
    EC_TRANSFER_PARAMS(Shape.OBJECT, false, Route.GENERATE, Route.COMPLETIONS, Route.CHAT),
    TRUNCATE_PROMPT_TOKENS(Shape.AT_LEAST_MINUS_ONE, false, Route.COMPLETIONS, Route.CHAT),
    TRUNCATION_SIDE(Shape.SIDE, false, Route.COMPLETIONS, Route.CHAT),
    ECHO(Shape.BOOLEAN, false, Route.COMPLETIONS, Route.CHAT),
    USE_BEAM_SEARCH(Shape.BOOLEAN, false, Route.COMPLETIONS, Route.CHAT),
    LENGTH_PENALTY(Shape.NUMBER, false, Route.COMPLETIONS, Route.CHAT),
    ADD_SPECIAL_TOKENS(Shape.BOOLEAN, false, Route.COMPLETIONS, Route.CHAT),
    RESPONSE_FORMAT(Shape.OBJECT, false, Route.COMPLETIONS, Route.CHAT),
    TOOL_CHOICE(Shape.TEXT_OR_OBJECT, false, Route.CHAT),
    PARALLEL_TOOL_CALLS(Shape.BOOLEAN, false, Route.CHAT),
    REASONING_EFFORT(Shape.TEXT, false, Route.CHAT),
    INCLUDE_REASONING(Shape.BOOLEAN, false, Route.CHAT),
    CHAT_TEMPLATE(Shape.TEXT, false, Route.CHAT),
    CHAT_TEMPLATE_KWARGS(Shape.OBJECT, false, Route.CHAT),
    ADD_GENERATION_PROMPT(Shape.BOOLEAN, false, Route.CHAT),
    CONTINUE_FINAL_MESSAGE(Shape.BOOLEAN, false, Route.CHAT),
    DOCUMENTS(Shape.LIST, false, Route.CHAT);

    /** What this client sets itself, with the place where the caller sets it; empty if the caller has no say. */
    private static final Map<String, String> OWN = Map.ofEntries(
            Map.entry("model", "the engine's builder, or EngineOptions.lora"),
            Map.entry("prompt", "GenerationRequest.prompt"),
            Map.entry("token_ids", "GenerationRequest.prompt"),
            Map.entry("messages", "GenerationRequest.prompt"),
            Map.entry("tools", "Prompt.Chat"),
            Map.entry("sampling_params", "SamplingParameters"),
            Map.entry("temperature", "SamplingParameters"),
            Map.entry("top_p", "SamplingParameters"),
            Map.entry("top_k", "SamplingParameters"),
            Map.entry("min_p", "SamplingParameters"),
            Map.entry("repetition_penalty", "SamplingParameters"),
            Map.entry("presence_penalty", "SamplingParameters"),
            Map.entry("frequency_penalty", "SamplingParameters"),
            Map.entry("seed", "SamplingParameters"),
            Map.entry("max_tokens", "SamplingParameters"),
            Map.entry("max_completion_tokens", "SamplingParameters.maxTokens"),
            Map.entry("min_tokens", "SamplingParameters"),
            Map.entry("stop", "SamplingParameters"),
            Map.entry("stop_token_ids", "SamplingParameters"),
            Map.entry("include_stop_str_in_output", "SamplingParameters"),
            Map.entry("ignore_eos", "SamplingParameters"),
            Map.entry("logit_bias", "SamplingParameters"),
            Map.entry("allowed_token_ids", "SamplingParameters"),
            Map.entry("bad_words", "SamplingParameters"),
            Map.entry("thinking_token_budget", "SamplingParameters"),
            Map.entry("repetition_detection", "SamplingParameters"),
            Map.entry("n", "the method that asks for several texts"),
            Map.entry("logprobs", "GenerationRequest.logprobs"),
            Map.entry("top_logprobs", "GenerationRequest.logprobs"),
            Map.entry("structured_outputs", "EngineOptions.structuredOutput"),
            Map.entry("guided_json", "EngineOptions.structuredOutput"),
            Map.entry("guided_regex", "EngineOptions.structuredOutput"),
            Map.entry("guided_choice", "EngineOptions.structuredOutput"),
            Map.entry("guided_grammar", "EngineOptions.structuredOutput"),
            Map.entry("vllm_xargs", "EngineOptions.extraArguments"),
            Map.entry("extra_args", "EngineOptions.extraArguments"),
            Map.entry("priority", "EngineOptions"),
            Map.entry("cache_salt", "EngineOptions"),
            Map.entry("request_id", "EngineOptions"),
            Map.entry("session_id", "EngineOptions"),
            Map.entry("stream", ""),
            Map.entry("stream_options", ""),
            Map.entry("return_token_ids", ""),
            Map.entry("return_tokens_as_token_ids", ""),
            Map.entry("output_mode", ""),
            Map.entry("detokenize", ""),
            Map.entry("flat_logprobs", ""));

    private final Shape shape;
    private final boolean sampling;
    private final Set<Route> routes;

    BodyField(Shape shape, boolean sampling, Route... routes) {
        this.shape = shape;
        this.sampling = sampling;
        this.routes = EnumSet.copyOf(Arrays.asList(routes));
    }

    /** What a value must be, in Java's terms. */
    private enum Shape {
        BOOLEAN("true or false", Boolean.class::isInstance),
        NUMBER("a finite number", v -> v instanceof Number n && Double.isFinite(n.doubleValue())),
        POSITIVE("a whole number of at least 1", v -> isWhole(v, 1)),
        AT_LEAST_MINUS_ONE("a whole number of at least -1", v -> isWhole(v, -1)),
        TEXT("a text", String.class::isInstance),
        SIDE("\"left\" or \"right\"", v -> "left".equals(v) || "right".equals(v)),
        OBJECT("a map", Map.class::isInstance),
        TEXT_OR_OBJECT("a text or a map", v -> v instanceof String || v instanceof Map),
        LIST("a list", Collection.class::isInstance),
        TOKEN_IDS(
                "a list of token ids",
                v -> v instanceof Collection<?> ids
                        && !ids.isEmpty()
                        && ids.stream().allMatch(id -> isWhole(id, 0)));

        private final String words;
        private final Predicate<Object> test;

        Shape(String words, Predicate<Object> test) {
            this.words = words;
            this.test = test;
        }

        private static boolean isWhole(@Nullable Object value, long least) {
            return (value instanceof Integer || value instanceof Long) && ((Number) value).longValue() >= least;
        }
    }

    /** Its name on the wire. */
    String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether it is one of vLLM's sampling parameters, which {@link Route#GENERATE} has in an object of their own. */
    boolean isSampling() {
        return sampling;
    }

    boolean isOn(Route route) {
        return routes.contains(route);
    }

    /** The routes that have it, in words. */
    String routes() {
        return routes.stream().map(Route::path).collect(Collectors.joining(" and "));
    }

    /** The field of that name; null if it is not one of these. */
    static @Nullable BodyField named(String wireName) {
        for (BodyField field : values()) {
            if (field.wireName().equals(wireName)) {
                return field;
            }
        }
        return null;
    }

    /** Why a caller may not set a field to a value; empty if it may. */
    static String refusal(String wireName, Object value) {
        String place = OWN.get(wireName);
        if (place != null) {
            return wireName + " is not a further field: "
                    + (place.isEmpty() ? "this client sets it" : "set it with " + place);
        }
        if (wireName.equals(Stepwise.FIELD) && !(value instanceof Stepwise)) {
            return "stepwise must be a Stepwise, got " + value;
        }
        BodyField field = named(wireName);
        return field == null || field.shape.test.test(value)
                ? ""
                : wireName + " must be " + field.shape.words + ", got " + value;
    }

    /** The names that only this client sets, or that have a place elsewhere. */
    static List<String> own() {
        return OWN.keySet().stream().sorted().toList();
    }
}
