package dev.tempera.vllm;

import dev.tempera.engine.ChatMessage;
import java.util.List;

/** A prompt as the server takes it. */
sealed interface PromptBody {
    /** Tokenised by the server; for {@link Route#COMPLETIONS}. */
    record Text(String text) implements PromptBody {}

    /** For {@link Route#GENERATE} and {@link Route#COMPLETIONS}. */
    record Ids(List<Integer> tokenIds) implements PromptBody {}

    /** Rendered by the server's template; for {@link Route#CHAT}. */
    record Chat(List<ChatMessage> messages) implements PromptBody {}
}
