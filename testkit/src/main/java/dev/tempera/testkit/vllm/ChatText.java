package dev.tempera.testkit.vllm;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The fake's chat template: ChatML, as Qwen's. */
final class ChatText {
    private ChatText() {}

    /** @throws Refusal if the conversation is empty or has another shape */
    static String render(Map<String, Object> json) {
        if (!(json.get("messages") instanceof List<?> messages)) {
            throw Fields.validation(
                    List.of("  {'type': 'list_type', 'loc': 'body.messages', 'msg': 'Input should be a valid list',"
                            + " 'input': " + Python.summary(json.getOrDefault("messages", "None")) + "}"),
                    "body.messages");
        }
        if (messages.isEmpty()) {
            throw Refusal.badRequest(
                    "Cannot apply chat template to an empty conversation. Provide at least one message.");
        }
        StringBuilder text = new StringBuilder();
        for (Object one : messages) {
            Map<?, ?> message = (Map<?, ?>) one;
            text.append("<|im_start|>").append(message.get("role")).append('\n');
            text.append(content(message.get("content"))).append("<|im_end|>\n");
        }
        if (!Boolean.FALSE.equals(json.get("add_generation_prompt"))) {
            text.append("<|im_start|>assistant\n");
        }
        return text.toString();
    }

    private static String content(@Nullable Object content) {
        if (content instanceof List<?> parts) {
            StringBuilder text = new StringBuilder();
            for (Object part : parts) {
                text.append(((Map<?, ?>) part).get("text"));
            }
            return text.toString();
        }
        return content == null ? "" : content.toString();
    }
}
