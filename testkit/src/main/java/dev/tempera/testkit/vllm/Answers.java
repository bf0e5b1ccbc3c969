package dev.tempera.testkit.vllm;

import dev.tempera.testkit.ByteTokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The JSON of one answer, streamed or whole, as each route and dialect writes it. Belongs to one thread. */
final class Answers {
    private final FakeVllm.Settings settings;
    private final ByteTokenizer tokenizer;
    private final Call call;
    private final String id;
    private final long created;
    private final int[] textOffsets;
    private final int[] charactersSaid;
    private final boolean[] hasBegun;

    Answers(FakeVllm.Settings settings, ByteTokenizer tokenizer, Call call, String id, long created) {
        this.settings = settings;
        this.tokenizer = tokenizer;
        this.call = call;
        this.id = id;
        this.created = created;
        int choices = call.prompts().size() * call.n();
        textOffsets = new int[choices];
        charactersSaid = new int[choices];
        hasBegun = new boolean[choices];
    }

    private boolean isOld() {
        return settings.dialect() == FakeVllm.Dialect.PYTHON_V0_10;
    }

    private Map<String, Object> chunk(List<?> choices) {
        Map<String, Object> chunk = new LinkedHashMap<>();
        if (call.route() == Call.Route.GENERATE) {
            chunk.put("request_id", id);
            chunk.put("usage", null);
            if (settings.generateRoute() == FakeVllm.GenerateRoute.TOKEN_IDS) {
                chunk.put("output_mode", call.textMode() ? "text" : "tokens");
            }
        } else {
            chunk.put("id", id);
            chunk.put("object", call.route() == Call.Route.CHAT ? "chat.completion.chunk" : "text_completion");
            chunk.put("created", created);
            chunk.put("model", settings.model());
        }
        chunk.put("choices", choices);
        return chunk;
    }

    /** What a chat says first, once per choice: the role, and no text. */
    List<Map<String, Object>> opening(List<Sequence> sequences) {
        List<Map<String, Object>> chunks = new ArrayList<>();
        if (call.route() == Call.Route.CHAT) {
            for (Sequence sequence : sequences) {
                Map<String, Object> choice = new LinkedHashMap<>();
                choice.put("index", sequence.index);
                choice.put("delta", ordered("role", "assistant", "content", ""));
                choice.put("logprobs", null);
                choice.put("finish_reason", null);
                Map<String, Object> chunk = chunk(List.of(choice));
                if (!isOld()) {
                    chunk.put("prompt_token_ids", call.returnTokenIds() ? sequence.prompt : null);
                    chunk.put("prompt_text", null);
                }
                chunks.add(chunk);
                if (call.toolCall()) {
                    chunks.add(toolCallHeader(sequence.index));
                }
            }
        }
        return chunks;
    }

    private Map<String, Object> toolCallHeader(int index) {
        Map<String, Object> header = ordered("id", id + "-tool-0", "type", "function", "index", 0);
        header.put(
                "function",
                ordered("name", Objects.requireNonNull(settings.toolCall()).name(), "arguments", ""));
        Map<String, Object> choice = new LinkedHashMap<>();
        choice.put("index", index);
        choice.put("delta", ordered("tool_calls", List.of(header)));
        choice.put("logprobs", null);
        choice.put("finish_reason", null);
        return chunk(List.of(choice));
    }

    /** An event that says nothing. */
    Map<String, Object> empty(int index) {
        Map<String, Object> choice = new LinkedHashMap<>();
        choice.put("index", index);
        if (call.route() == Call.Route.CHAT) {
            choice.put("delta", Map.of());
        } else if (call.route() == Call.Route.COMPLETIONS) {
            choice.put("text", "");
        } else {
            choice.put("token_ids", List.of());
        }
        choice.put("logprobs", null);
        choice.put("finish_reason", null);
        return chunk(List.of(choice));
    }

    /**
     * The event for what has come.
     *
     * @param finish whether it may say why the choice ended
     * @return null if the server would send none
     */
    @Nullable
    Map<String, Object> delta(Sequence sequence, Sequence.Delta delta, boolean finish) {
        String finishReason = finish ? finishReason(delta) : null;
        if (call.route() == Call.Route.GENERATE) {
            boolean says =
                    finishReason != null || call.textMode() && !delta.text().isEmpty();
            // The older shape never sends an end without a token.
            boolean sent =
                    !delta.tokenIds().isEmpty() || says && settings.generateRoute() == FakeVllm.GenerateRoute.TOKEN_IDS;
            if (!sent) {
                return null;
            }
        }
        Map<String, Object> choice = new LinkedHashMap<>();
        choice.put("index", delta.index());
        boolean first = !hasBegun[delta.index()];
        hasBegun[delta.index()] = true;
        switch (call.route()) {
            case COMPLETIONS -> {
                choice.put("text", first && call.echo() ? promptText(sequence) + delta.text() : delta.text());
                choice.put("logprobs", completionLogprobs(delta));
            }
            case CHAT -> {
                choice.put("delta", chatDelta(delta));
                choice.put("logprobs", chatLogprobs(delta, call.tokensAsTokenIds()));
            }
            case GENERATE -> {
                if (call.textMode()) {
                    choice.put("text", delta.text());
                }
                choice.put("logprobs", generateLogprobs(delta));
            }
        }
        choice.put("finish_reason", finishReason);
        if (call.route() != Call.Route.CHAT || finishReason != null) {
            choice.put("stop_reason", finish ? delta.stopReason() : null);
        }
        if (call.route() == Call.Route.COMPLETIONS && !isOld()) {
            choice.put("prompt_token_ids", first && call.returnTokenIds() ? sequence.prompt : null);
        }
        if (call.route() == Call.Route.GENERATE) {
            choice.put("token_ids", delta.tokenIds());
        } else if (!isOld() && (call.returnTokenIds() || call.route() == Call.Route.COMPLETIONS)) {
            choice.put("token_ids", call.returnTokenIds() ? delta.tokenIds() : null);
        }
        Map<String, Object> chunk = chunk(List.of(choice));
        if (first && call.route() == Call.Route.GENERATE && call.returnTokenIds()) {
            chunk.put("prompt_token_ids", sequence.prompt);
        }
        if (finishReason != null && !call.includeUsage() && call.route() != Call.Route.GENERATE && !isOld()) {
            chunk.put("system_fingerprint", settings.fingerprint());
        }
        return chunk;
    }

    private @Nullable String finishReason(Sequence.Delta delta) {
        return call.toolCall() && "stop".equals(delta.finishReason()) ? "tool_calls" : delta.finishReason();
    }

    private Map<String, Object> chatDelta(Sequence.Delta delta) {
        if (call.toolCall()) {
            return delta.text().isEmpty()
                    ? Map.of()
                    : ordered(
                            "tool_calls", List.of(ordered("index", 0, "function", ordered("arguments", delta.text()))));
        }
        int said = charactersSaid[delta.index()];
        charactersSaid[delta.index()] += delta.text().length();
        int reasoning =
                Math.max(0, Math.min(delta.text().length(), settings.reasoning().length() - said));
        if (reasoning == 0) {
            return ordered("content", delta.text());
        }
        Map<String, Object> both = ordered(
                isOld() ? "reasoning_content" : "reasoning", delta.text().substring(0, reasoning));
        if (reasoning < delta.text().length()) {
            both.put("content", delta.text().substring(reasoning));
        }
        return both;
    }

    Map<String, Object> usage(int promptTokens, int completionTokens) {
        return ordered(
                "prompt_tokens",
                promptTokens,
                "total_tokens",
                promptTokens + completionTokens,
                "completion_tokens",
                completionTokens);
    }

    /** The event without choices that ends a stream whose usage was asked for. */
    Map<String, Object> usageChunk(Map<String, Object> usage) {
        Map<String, Object> chunk = chunk(List.of());
        chunk.put("usage", usage);
        if (call.route() != Call.Route.GENERATE && !isOld()) {
            chunk.put("system_fingerprint", settings.fingerprint());
        }
        return chunk;
    }

    /** The whole answer at once. */
    Map<String, Object> whole(
            List<Sequence> sequences,
            List<Sequence.Delta> deltas,
            List<List<@Nullable TokenLogprobs>> promptLogprobs,
            Map<String, Object> usage) {
        boolean generate = call.route() == Call.Route.GENERATE;
        List<Map<String, Object>> choices = new ArrayList<>();
        for (int i = 0; i < deltas.size(); i++) {
            Map<String, Object> choice = choice(sequences.get(i), deltas.get(i));
            if (call.route() == Call.Route.COMPLETIONS) {
                choice.put("prompt_logprobs", promptLogprobs(promptLogprobs, i));
            }
            choices.add(choice);
        }
        Map<String, Object> answer = new LinkedHashMap<>();
        if (generate) {
            answer.put("request_id", id);
        } else {
            answer.put("id", id);
            answer.put("object", call.route() == Call.Route.CHAT ? "chat.completion" : "text_completion");
        }
        answer.put("created", created);
        answer.put("model", settings.model());
        answer.put("choices", choices);
        if (!generate) {
            answer.put("service_tier", null);
            answer.put("system_fingerprint", isOld() ? null : settings.fingerprint());
        }
        Map<String, Object> fullUsage = new LinkedHashMap<>(usage);
        fullUsage.put("prompt_tokens_details", null);
        answer.put("usage", fullUsage);
        if (call.route() != Call.Route.COMPLETIONS) {
            answer.put("prompt_logprobs", promptLogprobs(promptLogprobs, 0));
            if (!isOld()) {
                answer.put("prompt_token_ids", call.returnTokenIds() ? sequences.get(0).prompt : null);
            }
        }
        if (generate && settings.generateRoute() == FakeVllm.GenerateRoute.TOKEN_IDS) {
            answer.put("output_mode", call.textMode() ? "text" : "tokens");
        }
        answer.put("kv_transfer_params", null);
        return answer;
    }

    private Map<String, Object> choice(Sequence sequence, Sequence.Delta delta) {
        Map<String, Object> choice = new LinkedHashMap<>();
        choice.put("index", delta.index());
        switch (call.route()) {
            case COMPLETIONS -> {
                choice.put("text", call.echo() ? promptText(sequence) + delta.text() : delta.text());
                choice.put("logprobs", completionLogprobs(delta));
            }
            case CHAT -> {
                choice.put("message", message(delta));
                choice.put("logprobs", chatLogprobs(delta, call.tokensAsTokenIds()));
            }
            case GENERATE -> {
                if (call.textMode()) {
                    choice.put("text", delta.text());
                }
                choice.put("logprobs", generateLogprobs(delta));
            }
        }
        choice.put("finish_reason", finishReason(delta));
        choice.put("stop_reason", delta.stopReason());
        if (call.route() == Call.Route.GENERATE) {
            choice.put("token_ids", delta.tokenIds());
        } else if (!isOld()) {
            choice.put("token_ids", call.returnTokenIds() ? delta.tokenIds() : null);
            if (call.route() == Call.Route.COMPLETIONS) {
                choice.put("prompt_token_ids", call.returnTokenIds() ? sequence.prompt : null);
            }
        }
        return choice;
    }

    private Map<String, Object> message(Sequence.Delta delta) {
        Map<String, Object> message = ordered("role", "assistant");
        String reasoningField = isOld() ? "reasoning_content" : "reasoning";
        if (call.toolCall()) {
            Map<String, Object> function =
                    ordered("name", Objects.requireNonNull(settings.toolCall()).name(), "arguments", delta.text());
            message.put("content", null);
            message.put("tool_calls", List.of(ordered("id", id + "-tool-0", "type", "function", "function", function)));
            message.put(reasoningField, null);
            return message;
        }
        int reasoning = Math.min(settings.reasoning().length(), delta.text().length());
        message.put("content", delta.text().substring(reasoning));
        message.put("refusal", null);
        message.put("tool_calls", List.of());
        message.put(reasoningField, reasoning == 0 ? null : delta.text().substring(0, reasoning));
        return message;
    }

    private String promptText(Sequence sequence) {
        return tokenizer.decode(sequence.prompt);
    }

    /** A token's text, or its id written as one. */
    private String token(int tokenId, boolean asTokenId) {
        if (asTokenId) {
            return "token_id:" + tokenId;
        }
        return tokenizer.isSpecial(tokenId) ? tokenizer.token(tokenId) : tokenizer.decode(new int[] {tokenId});
    }

    private @Nullable Map<String, Object> completionLogprobs(Sequence.Delta delta) {
        if (delta.logprobs() == null) {
            return null;
        }
        List<Integer> offsets = new ArrayList<>();
        List<Double> tokenLogprobs = new ArrayList<>();
        List<String> tokens = new ArrayList<>();
        List<Map<String, Double>> tops = new ArrayList<>();
        for (TokenLogprobs position : delta.logprobs()) {
            String token = token(position.tokenId(), call.tokensAsTokenIds());
            offsets.add(textOffsets[delta.index()]);
            textOffsets[delta.index()] += token.length();
            tokens.add(token);
            tokenLogprobs.add(position.chosen().clamped());
            Map<String, Double> top = new LinkedHashMap<>(); // tokens of the same text collide, as in vLLM
            position.entries()
                    .forEach(entry -> top.put(token(entry.tokenId(), call.tokensAsTokenIds()), entry.clamped()));
            tops.add(top);
        }
        return ordered("text_offset", offsets, "token_logprobs", tokenLogprobs, "tokens", tokens, "top_logprobs", tops);
    }

    private @Nullable Map<String, Object> chatLogprobs(Sequence.Delta delta, boolean asTokenIds) {
        if (delta.logprobs() == null) {
            return null;
        }
        List<Map<String, Object>> content = new ArrayList<>();
        for (TokenLogprobs position : delta.logprobs()) {
            Map<String, Object> entry = stringEntry(position.chosen(), asTokenIds);
            entry.put(
                    "top_logprobs",
                    shown(position).stream()
                            .map(top -> stringEntry(top, asTokenIds))
                            .toList());
            content.add(entry);
        }
        return ordered("content", content);
    }

    /** Lists hold no more than was asked for; in the map of a completion the chosen token comes on top of that. */
    private List<TokenLogprobs.Entry> shown(TokenLogprobs position) {
        int asked = Objects.requireNonNull(call.logprobs());
        if (asked < 0 && settings.generateRoute() != FakeVllm.GenerateRoute.TOKEN_ID_STRINGS
                || asked < 0 && call.route() != Call.Route.GENERATE
                || !call.logprobTokenIds().isEmpty() && call.route() != Call.Route.GENERATE) {
            return position.entries();
        }
        int least = call.route() == Call.Route.GENERATE ? 1 : 0;
        return position.entries().subList(0, Math.min(position.entries().size(), Math.max(asked, least)));
    }

    private Map<String, Object> stringEntry(TokenLogprobs.Entry entry, boolean asTokenIds) {
        String token = token(entry.tokenId(), asTokenIds);
        Map<String, Object> json = ordered("token", token, "logprob", entry.clamped());
        List<Integer> bytes = new ArrayList<>();
        for (byte b : token.getBytes(StandardCharsets.UTF_8)) {
            bytes.add(b & 0xff);
        }
        json.put("bytes", bytes);
        return json;
    }

    private @Nullable Map<String, Object> generateLogprobs(Sequence.Delta delta) {
        if (delta.logprobs() == null) {
            return null;
        }
        if (settings.generateRoute() == FakeVllm.GenerateRoute.TOKEN_ID_STRINGS) {
            return chatLogprobs(delta, true);
        }
        if (call.textMode()) {
            return chatLogprobs(delta, false);
        }
        List<Map<String, Object>> content = new ArrayList<>();
        for (TokenLogprobs position : delta.logprobs()) {
            Map<String, Object> entry = idEntry(position.chosen());
            entry.put(
                    "top_logprobs",
                    shown(position).stream().map(Answers::idEntry).toList());
            content.add(entry);
        }
        return ordered("content", content);
    }

    private static Map<String, Object> idEntry(TokenLogprobs.Entry entry) {
        return ordered("token_id", entry.tokenId(), "logprob", entry.clamped(), "rank", entry.rank());
    }

    private @Nullable List<@Nullable Map<String, Object>> promptLogprobs(
            List<List<@Nullable TokenLogprobs>> all, int choice) {
        if (all.isEmpty()) {
            return null;
        }
        List<@Nullable Map<String, Object>> result = new ArrayList<>();
        for (TokenLogprobs position : all.get(choice / call.n())) {
            if (position == null) {
                result.add(null);
                continue;
            }
            Map<String, Object> entries = new LinkedHashMap<>();
            for (TokenLogprobs.Entry entry : position.entries()) {
                entries.put(
                        Integer.toString(entry.tokenId()),
                        ordered(
                                "logprob",
                                entry.clamped(),
                                "rank",
                                entry.rank(),
                                "decoded_token",
                                token(entry.tokenId(), false)));
            }
            result.add(entries);
        }
        return result;
    }

    /** A map in the order in which it is written here: names and values in turn. */
    static Map<String, Object> ordered(@Nullable Object... namesAndValues) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            map.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return map;
    }
}
