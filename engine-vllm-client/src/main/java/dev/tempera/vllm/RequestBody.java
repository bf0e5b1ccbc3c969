package dev.tempera.vllm;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.Tool;
import dev.tempera.engine.ToolCall;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Makes the JSON of requests. The same request gives the same bytes: names are sorted, the prompt comes first. Numbers that
 * JSON does not have are refused here, since no server reads them alike.
 */
final class RequestBody {
    private static final JsonFactory JSON = new JsonFactory();

    private final JsonGenerator out;

    private RequestBody(JsonGenerator out) {
        this.out = out;
    }

    private interface Content {
        void write(RequestBody body) throws IOException;
    }

    /**
     * Of a generation. In chat, where logprobs is a switch and the number is called top_logprobs, a number for logprobs
     * becomes both. {@link Route#GENERATE} calls vllm_xargs extra_args.
     *
     * @throws IllegalArgumentException if a value is no JSON, or the route does not take that kind of prompt
     */
    static byte[] of(SendableRequest request) {
        SortedMap<String, Object> sampling = new TreeMap<>(request.sampling());
        return object(body -> {
            body.prompt(request.route(), request.prompt());
            switch (request.route()) {
                case GENERATE -> {
                    Object arguments = sampling.remove("vllm_xargs");
                    if (arguments != null) {
                        sampling.put("extra_args", arguments);
                    }
                    body.out.writeObjectFieldStart("sampling_params");
                    body.fields(sampling);
                    body.out.writeEndObject();
                    body.fields(request.other());
                }
                case CHAT -> {
                    if (sampling.get("logprobs") instanceof Integer number) {
                        sampling.put("logprobs", true);
                        sampling.put("top_logprobs", number);
                    }
                    body.fields(both(sampling, request.other()));
                }
                default -> body.fields(both(sampling, request.other()));
            }
        });
    }

    /** Of {@code /tokenize}. @param options further fields such as add_special_tokens, add_generation_prompt */
    static byte[] tokenize(PromptBody prompt, Map<String, ?> options) {
        return object(body -> {
            body.prompt(prompt instanceof PromptBody.Chat ? Route.CHAT : Route.COMPLETIONS, prompt);
            body.fields(new TreeMap<>(options));
        });
    }

    /** Of {@code /detokenize}. */
    static byte[] detokenize(List<Integer> tokenIds) {
        return object(body -> {
            body.out.writeFieldName("tokens");
            body.value("tokens", tokenIds);
        });
    }

    private static byte[] object(Content content) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);
        try (JsonGenerator out = JSON.createGenerator(bytes)) {
            out.writeStartObject();
            content.write(new RequestBody(out));
            out.writeEndObject();
        } catch (IOException e) {
            throw new AssertionError("an array takes everything", e);
        }
        return bytes.toByteArray();
    }

    private static SortedMap<String, Object> both(Map<String, Object> sampling, Map<String, Object> other) {
        SortedMap<String, Object> all = new TreeMap<>(sampling);
        other.forEach((name, value) -> {
            if (all.put(name, value) != null) {
                throw new IllegalArgumentException(name + " is given twice: as a sampling parameter and as a field of"
                        + " the request. Leave out one.");
            }
        });
        return all;
    }

    private void prompt(Route route, PromptBody prompt) throws IOException {
        boolean fits = switch (route) {
            case GENERATE -> prompt instanceof PromptBody.Ids;
            case COMPLETIONS -> !(prompt instanceof PromptBody.Chat);
            case CHAT -> prompt instanceof PromptBody.Chat;
        };
        if (!fits) {
            throw new IllegalArgumentException(route.path() + " takes no prompt of the kind "
                    + prompt.getClass().getSimpleName() + ".");
        }
        if (prompt instanceof PromptBody.Text text) {
            out.writeStringField("prompt", text.text());
        } else if (prompt instanceof PromptBody.Ids ids) {
            out.writeFieldName(route == Route.GENERATE ? "token_ids" : "prompt");
            value("prompt", ids.tokenIds());
        } else if (prompt instanceof PromptBody.Chat chat) {
            chat(chat);
        }
    }

    private void chat(PromptBody.Chat chat) throws IOException {
        out.writeArrayFieldStart("messages");
        for (ChatMessage message : chat.messages()) {
            message(message);
        }
        out.writeEndArray();
        if (!chat.tools().isEmpty()) { // an empty list is refused
            out.writeArrayFieldStart("tools");
            for (Tool tool : chat.tools()) {
                value("tools", tool.toMap());
            }
            out.writeEndArray();
        }
    }

    private void message(ChatMessage message) throws IOException {
        out.writeStartObject();
        out.writeStringField("role", message.role());
        out.writeStringField("content", message.content());
        if (!message.toolCalls().isEmpty()) {
            out.writeArrayFieldStart("tool_calls");
            for (ToolCall call : message.toolCalls()) {
                out.writeStartObject();
                out.writeStringField("id", call.id());
                out.writeStringField("type", "function");
                out.writeObjectFieldStart("function");
                out.writeStringField("name", call.name());
                out.writeStringField("arguments", call.arguments());
                out.writeEndObject();
                out.writeEndObject();
            }
            out.writeEndArray();
        }
        String toolCallId = message.toolCallId();
        if (toolCallId != null && !toolCallId.isEmpty()) {
            out.writeStringField("tool_call_id", toolCallId);
        }
        out.writeEndObject();
    }

    private void fields(SortedMap<String, ?> fields) throws IOException {
        for (Map.Entry<String, ?> field : fields.entrySet()) {
            out.writeFieldName(field.getKey());
            value(field.getKey(), field.getValue());
        }
    }

    /** @param path for messages */
    private void value(String path, @Nullable Object value) throws IOException {
        if (value == null) {
            out.writeNull();
        } else if (value instanceof String text) {
            out.writeString(text);
        } else if (value instanceof Integer
                || value instanceof Long
                || value instanceof Short
                || value instanceof Byte) {
            out.writeNumber(((Number) value).longValue());
        } else if (value instanceof Number number) {
            number(path, number);
        } else if (value instanceof Boolean bool) {
            out.writeBoolean(bool);
        } else if (value instanceof Map<?, ?> map) {
            map(path, map);
        } else if (value instanceof Iterable<?> elements) {
            out.writeStartArray();
            for (Object element : elements) {
                value(path, element);
            }
            out.writeEndArray();
        } else if (value instanceof int[] ids) {
            out.writeArray(ids, 0, ids.length);
        } else {
            throw new IllegalArgumentException(
                    path + " must be made of texts, numbers, booleans, lists and maps, found a "
                            + value.getClass().getName() + ".");
        }
    }

    private void number(String path, Number number) throws IOException {
        double value = number.doubleValue();
        if (!Double.isFinite(value)) {
            throw new IllegalArgumentException(
                    path + " must be a finite number, got " + number
                            + ": JSON has no other. To ban a token, use bad_words or allowed_token_ids, or a logit_bias of -100.");
        }
        out.writeNumber(number.toString()); // as it is: also a float, or one with more digits than a double has
    }

    /** Keys that are numbers, token ids for instance, in the order of numbers. */
    private void map(String path, Map<?, ?> map) throws IOException {
        SortedMap<Object, Object> sorted = new TreeMap<>(RequestBody::compareKeys);
        sorted.putAll(map);
        out.writeStartObject();
        for (Map.Entry<?, ?> entry : sorted.entrySet()) {
            String name = entry.getKey().toString();
            out.writeFieldName(name);
            value(path + "." + name, entry.getValue());
        }
        out.writeEndObject();
    }

    private static int compareKeys(Object a, Object b) {
        return a instanceof Integer first && b instanceof Integer second
                ? Integer.compare(first, second)
                : a.toString().compareTo(b.toString());
    }
}
