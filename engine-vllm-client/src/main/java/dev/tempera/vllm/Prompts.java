package dev.tempera.vllm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tempera.InvalidParametersException;
import dev.tempera.engine.ChatTemplate;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.Tokenizer;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Makes of a prompt what is sent. Thread-safe. */
final class Prompts {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final @Nullable Tokenizer tokenizer;
    private final @Nullable ChatTemplate template;

    /** @param template null if the server renders conversations */
    Prompts(@Nullable Tokenizer tokenizer, @Nullable ChatTemplate template) {
        this.tokenizer = tokenizer;
        this.template = template;
    }

    /** @param tokens -1 if the server tokenises */
    record Ready(PromptBody body, int tokens) {
        static Ready of(List<Integer> ids) {
            if (ids.isEmpty()) {
                throw new InvalidParametersException("the prompt must have at least one token, got none");
            }
            return new Ready(new PromptBody.Ids(ids), ids.size());
        }

        List<Integer> ids() {
            return body instanceof PromptBody.Ids ids ? ids.tokenIds() : List.of();
        }
    }

    /** Whether the server has to be asked: it renders a conversation whose ids are needed. */
    boolean needServer(Planned planned) {
        return planned.tokenNative() && template == null && planned.request().prompt() instanceof Prompt.Chat;
    }

    /** @param server null if it does not have to be asked */
    Ready prepare(Planned planned, @Nullable Server server, Duration timeout) {
        Prompt prompt = planned.request().prompt();
        if (prompt instanceof Prompt.Tokens tokens) {
            return Ready.of(tokens.tokenIds());
        }
        if (!planned.tokenNative()) {
            return new Ready(
                    prompt instanceof Prompt.Text text
                            ? new PromptBody.Text(text.text())
                            : new PromptBody.Chat(((Prompt.Chat) prompt).messages()),
                    -1);
        }
        if (prompt instanceof Prompt.Text text) {
            return Ready.of(encode(text.text()));
        }
        Prompt.Chat chat = (Prompt.Chat) prompt;
        return Ready.of(
                template == null
                        ? render(chat, planned, Objects.requireNonNull(server), timeout)
                        : encode(template.render(chat)));
    }

    private List<Integer> encode(String text) {
        return Arrays.stream(Objects.requireNonNull(tokenizer).encode(text))
                .boxed()
                .toList();
    }

    private static List<Integer> render(Prompt.Chat chat, Planned planned, Server server, Duration timeout) {
        String model = String.valueOf(planned.other().get("model"));
        byte[] body = RequestBody.tokenize(
                new PromptBody.Chat(chat.messages()), Map.of("model", model, "add_generation_prompt", true));
        Server.Answer answer = server.post("/tokenize", body, timeout);
        ErrorBody.Asked asked = server.asked("POST", "/tokenize", model, List.of(), null);
        if (!answer.isOk()) {
            throw ErrorBody.of(asked, answer.status(), answer.body(), answer.retryAfter());
        }
        try {
            JsonNode tokens = JSON.readTree(answer.body()).path("tokens");
            List<Integer> ids = new ArrayList<>(tokens.size());
            tokens.forEach(id -> ids.add(id.asInt()));
            return ids;
        } catch (IOException e) {
            throw new VllmException(Reason.PROTOCOL, server.uri("/tokenize") + " gave an answer that is no JSON", e);
        }
    }
}
