package dev.tempera.testkit.vllm;

import dev.tempera.InvalidParametersException;
import dev.tempera.RepetitionDetection;
import dev.tempera.SamplingParameters;
import dev.tempera.testkit.ByteTokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Reads and checks requests for text as vLLM does: first types, then ranges, in its words. */
final class CallReader {
    private static final int MOST_STOP_STRINGS = 4;
    private static final int MOST_CHOICES = 16384;

    private final FakeVllm.Settings settings;
    private final ByteTokenizer tokenizer;

    CallReader(FakeVllm.Settings settings, ByteTokenizer tokenizer) {
        this.settings = settings;
        this.tokenizer = tokenizer;
    }

    /** @throws Refusal as the server would */
    Call read(Call.Route route, Map<String, Object> json) {
        Fields body = new Fields(json);
        boolean generate = route == Call.Route.GENERATE;
        checkBefore(route, body);
        if (generate) {
            body.require("token_ids");
            body.require("sampling_params");
        }
        List<Integer> tokenIds = generate ? body.integers("token_ids") : null;
        if (tokenIds != null && tokenIds.isEmpty()) {
            body.error(
                    "too_short",
                    "token_ids",
                    "List should have at least 1 item after validation, not 0",
                    tokenIds,
                    ", 'ctx': {'field_type': 'List', 'min_length': 1, 'actual_length': 0}");
        }
        Fields sampling = generate ? body.object("sampling_params") : body;
        List<String> stop = sampling.stringOrStrings("stop");
        if (!isOld()) {
            sampling.limit("stop", stop, MOST_STOP_STRINGS);
        }
        boolean stream = body.flag("stream", false);
        Fields streamOptions = body.object("stream_options");
        boolean includeUsage = stream && streamOptions.flag("include_usage", false);
        boolean continuousUsage = includeUsage && streamOptions.flag("continuous_usage_stats", false);
        Long n = sampling.integer("n");
        boolean chat = route == Call.Route.CHAT;
        Long logprobs = chat
                ? body.flag("logprobs", false) ? orElse(body.integer("top_logprobs"), 0L) : null
                : sampling.integer("logprobs");
        Long promptLogprobs = sampling.integer("prompt_logprobs");
        List<Integer> logprobTokenIds = isOld() ? null : sampling.integers("logprob_token_ids");
        Integer maxTokens = maxTokens(route, sampling);
        SamplingParameters parameters = parameters(sampling, !generate, stop, maxTokens);
        String model = body.string("model");
        List<int[]> prompts = new ArrayList<>();
        boolean echo = !generate && body.flag("echo", false);
        boolean returnTokenIds = !isOld() && body.flag("return_token_ids", false);
        boolean tokensAsTokenIds = body.flag("return_tokens_as_token_ids", false);
        boolean specialTokens = !sampling.flag("skip_special_tokens", true);
        boolean textMode = generate && "text".equals(orElse(body.string("output_mode"), "tokens"));
        List<String> choices = structured(body, sampling);
        body.check();
        checkModel(model);
        if (generate) {
            prompts.add(Objects.requireNonNull(tokenIds).stream()
                    .mapToInt(Integer::intValue)
                    .toArray());
        } else if (chat) {
            prompts.add(tokenizer.encode(ChatText.render(json)));
        } else {
            prompts.addAll(prompts(body));
        }
        int choiceCount = n == null ? 1 : checkedN(n, parameters);
        checkRanges(parameters, sampling, logprobs, promptLogprobs, logprobTokenIds);
        for (int[] prompt : prompts) {
            checkPrompt(route, prompt, parameters.maxTokens());
        }
        return new Call(
                route,
                prompts,
                parameters,
                choiceCount,
                maxTokens,
                stream,
                includeUsage,
                continuousUsage,
                logprobs == null ? null : logprobs.intValue(),
                logprobTokenIds == null ? List.of() : logprobTokenIds,
                promptLogprobs == null ? null : promptLogprobs.intValue(),
                echo,
                returnTokenIds,
                tokensAsTokenIds,
                textMode,
                specialTokens,
                choices,
                chat && body.has("tools") && !"none".equals(body.get("tool_choice")) && settings.toolCall() != null);
    }

    private boolean isOld() {
        return settings.dialect() == FakeVllm.Dialect.PYTHON_V0_10;
    }

    private boolean isRust() {
        return settings.dialect() == FakeVllm.Dialect.RUST;
    }

    /** The checks that vLLM makes on the raw JSON, before types. */
    private void checkBefore(Call.Route route, Fields body) {
        if (isRust()) {
            body.require("model");
        }
        if (route == Call.Route.CHAT) {
            body.require("messages");
            if (body.get("tools") instanceof List<?> tools && tools.isEmpty()) {
                throw Refusal.badParameter(
                        "tools",
                        "`tools` must not be an empty array. Either provide at least one tool or omit the field"
                                + " entirely.");
            }
            if (body.get("top_logprobs") instanceof Number top
                    && top.intValue() != 0
                    && !Boolean.TRUE.equals(body.get("logprobs"))) {
                throw Refusal.badParameter(
                        "top_logprobs", "when using `top_logprobs`, `logprobs` must be set to true.");
            }
        }
        if (route == Call.Route.CHAT) {
            checkChat(body);
        }
        if (body.get("logprob_token_ids") != null && body.get("logprobs") == null && route == Call.Route.COMPLETIONS) {
            throw Refusal.badParameter("logprob_token_ids", "when using `logprob_token_ids`, `logprobs` must be set.");
        }
        if (body.get("response_format") instanceof Map<?, ?> format
                && "json_schema".equals(format.get("type"))
                && format.get("json_schema") == null) {
            throw Refusal.badParameter(
                    "response_format",
                    "When response_format type is 'json_schema', the 'json_schema' field must be provided.");
        }
        checkNotNegative(body, route == Call.Route.GENERATE ? "token_ids" : "prompt");
        Object prompt = body.get("prompt");
        if (route == Call.Route.COMPLETIONS && (prompt == null || prompt.equals(""))) {
            throw Refusal.badParameter("prompt", "Either prompt or prompt_embeds must be provided and non-empty.");
        }
        if (body.get("stream_options") instanceof Map<?, ?> options
                && !options.isEmpty()
                && !Boolean.TRUE.equals(body.get("stream"))) {
            throw Refusal.badParameter("stream_options", "Stream options can only be defined when `stream=True`.");
        }
        if (body.get("prompt_logprobs") instanceof Number count && Boolean.TRUE.equals(body.get("stream"))) {
            if (count.intValue() > 0 || count.intValue() == -1) {
                throw Refusal.badParameter(
                        "prompt_logprobs", "`prompt_logprobs` are not available when `stream=True`.");
            }
        }
        if (body.get("logprobs") instanceof Number count
                && (count.intValue() < -1 || count.intValue() < 0 && isOld())) {
            throw Refusal.badParameter(
                    "logprobs", count, "`logprobs` must be a positive value" + (isOld() ? "." : " or -1."));
        }
        if (body.get("cache_salt") instanceof String salt
                && !isOld()
                && (salt.length() > 128 || salt.matches("(?s).*[@/\\\\\0].*"))) {
            throw Refusal.badParameter(
                    "cache_salt",
                    "Parameter 'cache_salt' must be at most 128 characters and must not contain '@', '/', '\\\\', or"
                            + " NUL.");
        }
        if (body.get("structured_outputs") instanceof Map<?, ?> structured) {
            long kinds = List.of("json", "regex", "choice").stream()
                    .filter(kind -> structured.get(kind) != null)
                    .count();
            if (kinds > 1) {
                throw Refusal.badParameter(
                        "structured_outputs",
                        "You can only use one kind of constraints for structured outputs ('json', 'regex' or"
                                + " 'choice').");
            }
        }
    }

    private void checkChat(Fields body) {
        Object choice = body.get("tool_choice");
        if (choice != null && !choice.equals("none") && body.get("tools") == null) {
            throw Refusal.badParameter("tool_choice", "When using `tool_choice`, `tools` must be set.");
        }
        if (Boolean.TRUE.equals(body.get("continue_final_message"))
                && Boolean.TRUE.equals(body.get("add_generation_prompt"))) {
            throw Refusal.badRequest("Cannot set both `continue_final_message` and `add_generation_prompt` to True.");
        }
        if (body.get("chat_template") != null) {
            throw Refusal.badRequest("Chat template is passed with request, but --trust-request-chat-template is not"
                    + " set. Refused request with untrusted chat template.");
        }
    }

    private static void checkNotNegative(Fields body, String name) {
        if (body.get(name) instanceof List<?> ids) {
            for (int i = 0; i < ids.size(); i++) {
                if (ids.get(i) instanceof Integer id && id < 0) {
                    body.error(
                            "greater_than_equal",
                            name.equals("prompt") ? name + "." + i : name,
                            "Input should be greater than or equal to 0",
                            id,
                            ", 'ctx': {'ge': 0}");
                }
            }
        }
    }

    private void checkModel(@Nullable String model) {
        if (model != null
                && !model.equals(settings.model())
                && !settings.adapters().contains(model)) {
            throw Refusal.notFound(model, settings.model());
        }
    }

    /** @throws Refusal if the model is another, for the routes that generate nothing */
    void checkModel(Map<String, Object> json) {
        checkModel(new Fields(json).string("model"));
    }

    private @Nullable Integer maxTokens(Call.Route route, Fields sampling) {
        Long asked = sampling.integer("max_tokens");
        if (route == Call.Route.CHAT) {
            Long newer = sampling.integer("max_completion_tokens");
            asked = newer == null ? asked : newer;
        }
        if (asked == null && route == Call.Route.COMPLETIONS) {
            return 16;
        }
        return asked == null ? null : Math.toIntExact(Math.min(asked, Integer.MAX_VALUE));
    }

    private SamplingParameters parameters(
            Fields f, boolean serverDefaults, @Nullable List<String> stop, @Nullable Integer maxTokens) {
        Map<String, Object> defaults = serverDefaults ? settings.defaults() : Map.of();
        SamplingParameters.Builder p = SamplingParameters.builder();
        double temperature = number(f, "temperature", defaults, 1);
        double topP = number(f, "top_p", defaults, 1);
        double minP = number(f, "min_p", defaults, 0);
        double repetition = number(f, "repetition_penalty", defaults, 1);
        double presence = number(f, "presence_penalty", defaults, 0);
        double frequency = number(f, "frequency_penalty", defaults, 0);
        Long askedTopK = f.integer("top_k");
        int topK = askedTopK != null ? askedTopK.intValue() : (int) number(f, "top_k", defaults, 0);
        Long minTokens = f.integer("min_tokens");
        Long seed = f.integer("seed");
        List<String> badWords = f.strings("bad_words");
        List<Integer> allowed = f.integers("allowed_token_ids");
        List<Integer> stopIds = f.integers("stop_token_ids");
        Map<String, Object> bias = f.map("logit_bias");
        boolean includeStop = f.flag("include_stop_str_in_output", false);
        boolean ignoreEos = f.flag("ignore_eos", false);
        Fields detection = f.object("repetition_detection");
        Long maxPattern = detection.integer("max_pattern_size");
        Long minPattern = detection.integer("min_pattern_size");
        Long minCount = detection.integer("min_count");
        f.check();

        check(Math.abs(presence) <= 2, null, presence, "presence_penalty must be in [-2, 2], got ");
        check(Math.abs(frequency) <= 2, null, frequency, "frequency_penalty must be in [-2, 2], got ");
        check(repetition > 0, null, repetition, "repetition_penalty must be greater than zero, got ");
        check(temperature >= 0, "temperature", temperature, "temperature must be non-negative, got ");
        check(isOld() || temperature <= 2, "temperature", temperature, "temperature must be in [0, 2], got ");
        check(topP > 0 && topP <= 1, "top_p", topP, "top_p must be in (0, 1], got ");
        check(topK >= -1, null, topK, "top_k must be 0 (disable), or at least 1, got ");
        check(minP >= 0 && minP <= 1, null, minP, "min_p must be in [0, 1], got ");
        if (maxTokens != null) {
            check(maxTokens >= 1, "max_tokens", maxTokens, "max_tokens must be at least 1, got ");
        }
        long least = minTokens == null ? 0 : minTokens;
        check(least >= 0, null, least, "min_tokens must be greater than or equal to 0, got ");
        if (maxTokens != null) {
            check(
                    least <= maxTokens,
                    null,
                    least,
                    "min_tokens must be less than or equal to max_tokens=" + maxTokens + ", got ");
        }
        if (stop != null && stop.contains("")) {
            throw Refusal.badRequest("stop cannot contain an empty string.");
        }
        if (badWords != null && badWords.contains("")) {
            throw Refusal.badRequest(
                    "bad_words cannot contain an empty string. Got bad_words=" + Python.repr(badWords));
        }
        long longest = maxPattern == null ? 0 : maxPattern;
        long shortest = minPattern == null ? 0 : minPattern;
        long times = minCount == null ? 0 : minCount;
        if (longest < 0 || shortest < 0 || shortest > longest) {
            throw Refusal.badRequest("max_pattern_size, min_pattern_size must be >=0, with min_pattern_size <="
                    + " max_pattern_size. Set both to 0 to disable repetitive pattern detection.");
        }
        if (longest > 0 && times < 2) {
            throw Refusal.badRequest("min_count must be >= 2 to detect repetitive patterns in engine output. If you do"
                    + " not wish to detect repetitive patterns, set max_pattern_size to 0.");
        }

        p.temperature(Math.min(temperature, 2));
        p.topP(topP).minP(minP).topK(Math.max(topK, 0));
        p.repetitionPenalty(repetition).presencePenalty(presence).frequencyPenalty(frequency);
        p.minTokens((int) least).includeStopStrInOutput(includeStop).ignoreEos(ignoreEos);
        if (seed != null && seed != -1) {
            p.seed(seed);
        }
        if (maxTokens != null) {
            p.maxTokens(maxTokens);
        }
        if (stop != null) {
            p.stop(stop);
        }
        if (badWords != null && !badWords.isEmpty()) {
            p.badWords(badWords);
        }
        if (allowed != null) {
            checkAllowed(allowed);
            p.allowedTokenIds(allowed);
        }
        if (stopIds != null) {
            checkInVocabulary("stop_token_ids", stopIds);
            p.stopTokenIds(stopIds);
        }
        if (bias != null) {
            p.logitBias(biases(bias));
        }
        if (longest > 0) {
            p.repetitionDetection(new RepetitionDetection((int) longest, (int) shortest, (int) times));
        }
        try {
            return p.build();
        } catch (InvalidParametersException e) {
            throw Refusal.badRequest(String.valueOf(e.getMessage()));
        }
    }

    private static double number(Fields fields, String name, Map<String, Object> defaults, double unset) {
        if (name.equals("top_k")) {
            return defaults.get(name) instanceof Number number ? number.doubleValue() : unset;
        }
        Double given = fields.number(name);
        if (given != null) {
            return given;
        }
        return defaults.get(name) instanceof Number number ? number.doubleValue() : unset;
    }

    private static void check(boolean holds, @Nullable String parameter, Number value, String rule) {
        if (!holds) {
            String message = rule + value + ".";
            throw parameter == null ? Refusal.badRequest(message) : Refusal.badParameter(parameter, value, message);
        }
    }

    private static void checkAllowed(List<Integer> allowed) {
        if (allowed.isEmpty()) {
            throw Refusal.badParameter("allowed_token_ids", allowed, "allowed_token_ids is not None and empty!");
        }
        List<Integer> outside = outside(allowed);
        if (!outside.isEmpty()) {
            throw Refusal.badParameter(
                    "allowed_token_ids", outside, "allowed_token_ids contains out-of-vocab token id!");
        }
    }

    private static List<Integer> outside(List<Integer> tokenIds) {
        return tokenIds.stream().filter(id -> id < 0 || id >= FakeModel.SIZE).toList();
    }

    private static void checkInVocabulary(String name, List<Integer> tokenIds) {
        List<Integer> outside = outside(tokenIds);
        if (!outside.isEmpty()) {
            throw Refusal.badParameter(
                            name,
                            outside,
                            "token_id(s) " + outside + " in " + name
                                    + " contain out-of-vocab token ids. Vocabulary size: " + FakeModel.SIZE)
                    .byTheEngine();
        }
    }

    private static Map<Integer, Double> biases(Map<String, Object> given) {
        Map<Integer, Double> biases = new TreeMap<>();
        List<String> bad = new ArrayList<>();
        given.forEach((key, value) -> {
            try {
                double bias = ((Number) value).doubleValue();
                biases.put(Integer.parseInt(key), Math.max(-100, Math.min(100, bias)));
            } catch (NumberFormatException | ClassCastException e) {
                bad.add(key);
            }
        });
        if (!bad.isEmpty()) {
            throw Refusal.badParameter(
                    "logit_bias",
                    bad,
                    "logit_bias contains key(s) that cannot be converted to integer token IDs: " + Python.repr(bad));
        }
        checkInVocabulary("logit_bias", List.copyOf(biases.keySet()));
        return biases;
    }

    private int checkedN(long n, SamplingParameters parameters) {
        if (n < 1 || n > MOST_CHOICES) {
            throw Refusal.badRequest(
                    n < 1
                            ? "n must be at least 1, got " + n + "."
                            : "n must be at most " + MOST_CHOICES + ", got " + n + ". To increase this limit, set the"
                                    + " VLLM_MAX_N_SEQUENCES environment variable.");
        }
        if (n > 1 && isRust()) {
            throw Refusal.badParameter("n", n, "n > 1 is not supported.");
        }
        if (n > 1 && isGreedy(parameters)) {
            throw Refusal.badRequest("n must be 1 when using greedy sampling, got " + n + ".");
        }
        return (int) n;
    }

    private static boolean isGreedy(SamplingParameters parameters) {
        Double temperature = parameters.temperature();
        return temperature != null && temperature < 1e-5;
    }

    private void checkRanges(
            SamplingParameters parameters,
            Fields sampling,
            @Nullable Long logprobs,
            @Nullable Long promptLogprobs,
            @Nullable List<Integer> logprobTokenIds) {
        checkCount("logprobs", "sample", logprobs);
        checkCount("prompt_logprobs", "prompt", promptLogprobs);
        if (logprobTokenIds != null) {
            if (logprobTokenIds.size() > 128) {
                throw Refusal.badParameter(
                        "logprob_token_ids",
                        logprobTokenIds.size(),
                        "Requested logprob_token_ids of length " + logprobTokenIds.size()
                                + ", which is greater than max allowed: 128");
            }
            checkInVocabulary("logprob_token_ids", logprobTokenIds);
        }
        Integer maxTokens = parameters.maxTokens();
        if (maxTokens != null && maxTokens > settings.maxModelLength() && !isOld()) {
            throw Refusal.badParameter(
                    "max_tokens",
                    maxTokens,
                    "max_tokens=" + maxTokens + " cannot be greater than max_model_len=" + settings.maxModelLength()
                            + ". Please request fewer output tokens.");
        }
    }

    private void checkCount(String name, String kind, @Nullable Long asked) {
        if (asked == null) {
            return;
        }
        int most = settings.maxLogprobs() == -1 ? FakeModel.SIZE : settings.maxLogprobs();
        long wanted = asked == -1 ? FakeModel.SIZE : asked;
        if (wanted > most) {
            throw Refusal.badParameter(
                    name,
                    wanted,
                    "Requested " + kind + " logprobs of " + wanted + ", which is greater than max allowed: " + most);
        }
    }

    private void checkPrompt(Call.Route route, int[] prompt, @Nullable Integer maxTokens) {
        int most = settings.maxModelLength();
        if (isOld()) {
            int asked = maxTokens == null ? 0 : maxTokens;
            if (prompt.length + asked > most) {
                throw Refusal.badRequest("This model's maximum context length is " + most
                        + " tokens. However, you requested " + (prompt.length + asked) + " tokens (" + prompt.length
                        + " in the messages, " + asked + " in the completion). Please reduce the length of the messages"
                        + " or completion.");
            }
        } else if (prompt.length >= most && route == Call.Route.GENERATE) {
            throw Refusal.badRequest("The decoder prompt (length " + prompt.length
                    + ") is longer than the maximum model length of " + most
                    + ". Make sure that `max_model_len` is no smaller than the number of text tokens.");
        } else if (prompt.length >= most) {
            throw Refusal.badParameter(
                    "input_tokens",
                    prompt.length,
                    "This model's maximum context length is " + most + " tokens. However, your prompt contains "
                            + prompt.length + " input tokens, which exceeds this limit even without any output tokens."
                            + " Please reduce the length of the input prompt.");
        }
        for (int tokenId : prompt) {
            if (tokenId < 0 || tokenId >= FakeModel.SIZE) {
                throw Refusal.badRequest("Token id " + tokenId + " is out of vocabulary")
                        .byTheEngine();
            }
        }
    }

    private List<int[]> prompts(Fields body) {
        Object prompt = body.get("prompt");
        if (prompt instanceof String text) {
            return List.of(tokenizer.encode(text));
        }
        if (prompt instanceof List<?> list && !list.isEmpty()) {
            if (list.get(0) instanceof Number) {
                return List.of(ids(list));
            }
            List<int[]> prompts = new ArrayList<>();
            for (Object one : list) {
                if (one instanceof String text) {
                    prompts.add(tokenizer.encode(text));
                } else if (one instanceof List<?> tokenIds) {
                    prompts.add(ids(tokenIds));
                }
            }
            if (prompts.size() == list.size()) {
                return prompts;
            }
        }
        body.error("string_type", "prompt", "Input should be a valid string", String.valueOf(prompt), "");
        body.check();
        return List.of();
    }

    private static int[] ids(List<?> list) {
        return list.stream().mapToInt(id -> ((Number) id).intValue()).toArray();
    }

    /** The only texts that may come; anything but a choice comes to the text that the server was given for it. */
    private @Nullable List<String> structured(Fields body, Fields sampling) {
        Fields structured = sampling.object("structured_outputs");
        List<String> choice = isOld() ? body.strings("guided_choice") : structured.strings("choice");
        if (choice != null) {
            if (choice.isEmpty()) {
                throw Refusal.badRequest("Choice '[]' cannot be an empty list");
            }
            return choice;
        }
        Object format = body.get("response_format");
        boolean formatted = format instanceof Map<?, ?> map && !"text".equals(map.get("type"));
        boolean constrained = isOld()
                ? body.has("guided_json") || body.has("guided_regex") || body.has("guided_grammar")
                : structured.has("json")
                        || structured.has("regex")
                        || structured.has("grammar")
                        || structured.has("json_object")
                        || structured.has("structural_tag");
        return formatted || constrained ? List.of(settings.structuredText()) : null;
    }

    private static <T> T orElse(@Nullable T value, T unset) {
        return value == null ? unset : value;
    }
}
