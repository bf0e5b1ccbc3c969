package dev.tempera.engine;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Renders a conversation into the text that a model was trained on. Thread-safe. */
public interface ChatTemplate {
    /**
     * @param variables further variables of the template, for instance {@code add_generation_prompt}, {@code tools}
     * @throws dev.tempera.TemperaException if the template refuses the conversation
     */
    String render(List<ChatMessage> messages, Map<String, ?> variables);

    /** Renders the conversation and the opening of the assistant's turn. */
    default String render(List<ChatMessage> messages) {
        return render(messages, Map.of("add_generation_prompt", true));
    }

    /** Renders the conversation, its tools and the opening of the assistant's turn. */
    default String render(Prompt.Chat chat) {
        Map<String, Object> variables = new HashMap<>();
        variables.put("add_generation_prompt", true);
        if (!chat.tools().isEmpty()) {
            variables.put("tools", chat.tools().stream().map(Tool::toMap).toList());
        }
        return render(chat.messages(), variables);
    }
}
