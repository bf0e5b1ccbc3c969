package dev.tempera.vllm;

import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.Sampler;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.StructuredOutput;
import dev.tempera.engine.Tokenizer;
import dev.tempera.processor.AllowedTokens;
import dev.tempera.processor.LogitBias;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * Values that a server would refuse, cut without a word, or fail on: found before anything is sent. What it can do in
 * another way is no problem and not looked at here: more than four stop strings, for instance, are looked for by this
 * client.
 */
final class Limits {
    /** {@code VLLM_MAX_N_SEQUENCES}. */
    static final int MAX_TEXTS = 16_384;

    /**
     * With min_tokens, the V2 model runner has 128 places for the ids that end a text, those of the model included; one
     * more ends the whole server.
     */
    static final int MAX_STOP_IDS = 120;

    static final int MAX_LOGPROB_IDS = 128;
    private static final int MAX_SALT = 128;
    private static final int MAX_NESTING = 64;

    private final Capabilities server;
    private final @Nullable Tokenizer tokenizer;
    private final List<String> problems = new ArrayList<>();

    private Limits(Capabilities server, @Nullable Tokenizer tokenizer) {
        this.server = server;
        this.tokenizer = tokenizer;
    }

    /** Every problem of the request, in words; empty if there is none. */
    static List<String> problems(
            GenerationRequest request, int texts, Capabilities server, @Nullable Tokenizer tokenizer) {
        Limits limits = new Limits(server, tokenizer);
        limits.parameters(request.parameters());
        request.pipeline().processors().forEach(limits::processor);
        limits.texts(request, texts);
        limits.prompt(request.prompt());
        limits.logprobs(request.logprobs());
        limits.options(request.engineOptions());
        limits.fields(request);
        return limits.problems;
    }

    private void parameters(SamplingParameters p) {
        vocabulary("stop_token_ids", p.stopTokenIds());
        Integer minTokens = p.minTokens();
        if (minTokens != null && minTokens > 0 && p.stopTokenIds().size() > MAX_STOP_IDS) {
            problems.add("stop_token_ids must be at most " + MAX_STOP_IDS + " beside min_tokens, got "
                    + p.stopTokenIds().size()
                    + ": the server has 128 places, for the model's own end tokens, too, and more"
                    + " end the whole server");
        }
        Integer maxTokens = p.maxTokens();
        Integer context = server.contextLength();
        if (minTokens != null && context != null && minTokens >= context) {
            problems.add("min_tokens must be less than the context (" + context + "), got " + minTokens);
        }
        if (minTokens != null && maxTokens != null && minTokens > maxTokens) {
            problems.add("min_tokens must be at most max_tokens (" + maxTokens + "), got " + minTokens);
        }
    }

    private void processor(LogitsProcessor processor) {
        if (processor instanceof LogitBias bias) {
            vocabulary("logit_bias", bias.biases().keySet());
        } else if (processor instanceof AllowedTokens allowed) {
            vocabulary("allowed_token_ids", allowed.tokenIds());
        }
    }

    private void vocabulary(String name, Collection<?> ids) {
        if (tokenizer == null) {
            return; // the server knows, and refuses
        }
        for (Object each : ids) {
            if (each instanceof Number id && (id.longValue() < 0 || id.longValue() >= tokenizer.size())) {
                problems.add(name + " must hold ids below " + tokenizer.size() + " (the vocabulary), got " + id);
                return;
            }
        }
    }

    private void texts(GenerationRequest request, int texts) {
        if (texts < 1 || texts > MAX_TEXTS) {
            problems.add("n must be from 1 to " + MAX_TEXTS + ", got " + texts);
        }
        if (texts > 1 && request.pipeline().sampler() == Sampler.GREEDY) {
            problems.add("n must be 1 when decoding is greedy (temperature 0), got " + texts
                    + ": all texts would be the same");
        }
        if (texts > 1 && server.frontend() == Capabilities.Frontend.RUST) {
            problems.add("n must be 1 on vLLM's Rust front end, got " + texts + ": send as many requests");
        }
    }

    private void prompt(Prompt prompt) {
        if (prompt instanceof Prompt.Tokens tokens) {
            if (tokens.tokenIds().isEmpty()) {
                problems.add("the prompt must have at least one token");
            }
            vocabulary("the prompt", tokens.tokenIds());
        } else if (prompt instanceof Prompt.Text text && text.text().isEmpty()) {
            problems.add("the prompt must not be empty");
        } else if (prompt instanceof Prompt.Chat chat && chat.messages().isEmpty()) {
            problems.add("the prompt must have at least one message");
        }
    }

    private void logprobs(@Nullable Integer logprobs) {
        if (logprobs != null) {
            listed("logprobs", logprobs);
        }
    }

    private void listed(String name, int number) {
        Integer most = server.maxLogprobs();
        if (most != null && most >= 0 && (number > most || number == -1)) {
            problems.add(name + " must be at most " + most + " on this server, got " + number
                    + ": start it with a larger --max-logprobs");
        }
    }

    private void options(EngineOptions options) {
        String salt = options.cacheSalt();
        if (salt != null && (salt.isEmpty() || salt.length() > MAX_SALT || salt.matches("(?s).*[@/\\\\\\x00].*"))) {
            problems.add("cache_salt must have 1 to " + MAX_SALT
                    + " characters, none of them @ / \\ or NUL (base64url has" + " none), got \"" + salt + "\"");
        }
        header("request_id", options.requestId());
        header("session_id", options.sessionId());
        String adapter = options.lora();
        List<String> served = server.adapters();
        if (adapter != null && !served.contains(adapter) && !adapter.equals(server.model())) {
            problems.add("lora must name an adapter that the server has loaded "
                    + (served.isEmpty() ? "(none)" : "(" + String.join(", ", served) + ")") + ", got \"" + adapter
                    + "\"");
        }
        options.extraArguments().forEach((name, value) -> {
            if (!isArgument(value)
                    && !(value instanceof Collection<?> list && list.stream().allMatch(Limits::isArgument))) {
                problems.add("extra argument " + name + " must be a text, a number or a list of those, got " + value);
            }
        });
        if (options.structuredOutput() != null) {
            structured(options.structuredOutput());
        }
    }

    private static boolean isArgument(@Nullable Object value) {
        return value instanceof String || value instanceof Number number && Double.isFinite(number.doubleValue());
    }

    /** Both travel in headers. */
    private void header(String name, @Nullable String value) {
        if (value != null && !value.matches("[\\x21-\\x7e]{1,256}")) {
            problems.add(name + " must be 1 to 256 visible ASCII characters without spaces, got \"" + value + "\"");
        }
    }

    private void structured(StructuredOutput output) {
        if (output instanceof StructuredOutput.Regex regex && regex.pattern().indexOf('\0') >= 0) {
            problems.add("structured output: the regular expression must not hold NUL");
        } else if (output instanceof StructuredOutput.Choice choice
                && choice.texts().contains("")) {
            problems.add("structured output: a choice must not be empty");
        } else if (output instanceof StructuredOutput.JsonSchema schema && nesting(schema.schema()) > MAX_NESTING) {
            problems.add("structured output: the schema must nest at most " + MAX_NESTING + " levels deep, got "
                    + nesting(schema.schema()));
        }
    }

    private static int nesting(@Nullable Object value) {
        Collection<?> children =
                value instanceof Map<?, ?> map ? map.values() : value instanceof Collection<?> list ? list : null;
        if (children == null) {
            return 0;
        }
        int deepest = 0;
        for (Object child : children) {
            deepest = Math.max(deepest, nesting(child));
        }
        return deepest + 1;
    }

    private void fields(GenerationRequest request) {
        SortedMap<String, Object> fields = request.engineOptions().fields();
        int before = problems.size();
        fields.forEach((name, value) -> {
            String refusal = BodyField.refusal(name, value);
            if (!refusal.isEmpty()) {
                problems.add(refusal);
            }
        });
        if (problems.size() > before) {
            return; // what follows relies on their shapes
        }
        if (fields.get("prompt_logprobs") instanceof Number number) {
            listed("prompt_logprobs", number.intValue());
        }
        labels(request, fields.get("logprob_token_ids"));
        truncation(request, fields.get("truncate_prompt_tokens"));
        if (fields.containsKey("response_format") && request.engineOptions().structuredOutput() != null) {
            problems.add("response_format and a structured output constrain the same text: give one of them");
        }
        boolean tools =
                request.prompt() instanceof Prompt.Chat chat && !chat.tools().isEmpty();
        if (fields.containsKey("tool_choice") && !tools && !"none".equals(fields.get("tool_choice"))) {
            problems.add("tool_choice needs tools: give them in Prompt.Chat");
        }
        if (!Boolean.FALSE.equals(fields.get("add_generation_prompt"))
                && Boolean.TRUE.equals(fields.get("continue_final_message"))) {
            problems.add("continue_final_message needs add_generation_prompt false: the server refuses both");
        }
        if (Boolean.TRUE.equals(fields.get("use_beam_search"))) {
            beams(request);
        }
        if (server.frontend() == Capabilities.Frontend.RUST) {
            rust(fields);
        }
    }

    private void labels(GenerationRequest request, @Nullable Object value) {
        if (!(value instanceof Collection<?> ids)) {
            return;
        }
        if (ids.size() > MAX_LOGPROB_IDS) {
            problems.add("logprob_token_ids must be at most " + MAX_LOGPROB_IDS + " ids, got " + ids.size());
        }
        vocabulary("logprob_token_ids", ids);
        if (request.logprobs() == null) {
            problems.add("logprob_token_ids needs logprobs in the request: they replace its likeliest tokens");
        }
    }

    private void truncation(GenerationRequest request, @Nullable Object value) {
        Integer context = server.contextLength();
        Integer maxTokens = request.parameters().maxTokens();
        if (value instanceof Number length && context != null) {
            int room = context - (maxTokens == null ? 1 : maxTokens);
            if (length.longValue() > room) {
                problems.add("truncate_prompt_tokens must be at most " + room
                        + " (the context without max_tokens), got " + length);
            }
        }
    }

    private void beams(GenerationRequest request) {
        List<String> ignored = DelegatedProcessors.of(request.pipeline()).processors().stream()
                .filter(verdict -> !verdict.field().equals("temperature"))
                .map(DelegatedProcessors.Verdict::stage)
                .toList();
        if (!ignored.isEmpty()) {
            problems.add(
                    "use_beam_search would ignore " + String.join(", ", ignored) + ": beams know the temperature only");
        }
        if (request.engineOptions().fields().containsKey("logprob_token_ids")) {
            problems.add("logprob_token_ids do not go with use_beam_search");
        }
    }

    private void rust(SortedMap<String, Object> fields) {
        for (String name : List.of("use_beam_search", "length_penalty", "truncate_prompt_tokens")) {
            if (fields.containsKey(name) && !Boolean.FALSE.equals(fields.get(name))) {
                problems.add(name + " is not known to vLLM's Rust front end");
            }
        }
        if (Boolean.FALSE.equals(fields.get("spaces_between_special_tokens"))) {
            problems.add("spaces_between_special_tokens must be true on vLLM's Rust front end");
        }
    }

    /**
     * How many tokens may be generated after a prompt.
     *
     * @throws InvalidParametersException if the prompt leaves no room
     */
    static int room(int promptTokens, int contextLength, String model) {
        if (promptTokens >= contextLength) {
            throw new InvalidParametersException("the prompt has " + promptTokens + " tokens, " + model + " takes "
                    + (contextLength - 1) + " at most (a context of " + contextLength
                    + ", one of them to generate): shorten it");
        }
        return contextLength - promptTokens;
    }
}
