package dev.tempera.vllm;

import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.Tool;
import java.util.List;

/** A prompt as the server takes it. */
sealed interface PromptBody {
    /** Tokenised by the server; for {@link Route#COMPLETIONS}. */
    record Text(String text) implements PromptBody {}

    /** For {@link Route#GENERATE} and {@link Route#COMPLETIONS}. */
    record Ids(List<Integer> tokenIds) implements PromptBody {}

    /** Rendered by the server's template; for {@link Route#CHAT}. */
    record Chat(List<ChatMessage> messages, List<Tool> tools) implements PromptBody {
        Chat(List<ChatMessage> messages) {
            this(messages, List.of());
        }
    }
}
