package dev.tempera.engine;

import java.util.List;

/** What the model is to continue. Immutable and thread-safe. */
public sealed interface Prompt {
    /** Raw text, tokenised as it is: no chat template. */
    record Text(String text) implements Prompt {}

    /** Token ids, passed to the model as they are. */
    record Tokens(List<Integer> tokenIds) implements Prompt {
        public Tokens {
            tokenIds = List.copyOf(tokenIds);
        }
    }

    /**
     * A conversation, rendered by the model's chat template, which also opens the assistant's turn.
     *
     * @param tools that the model may ask for
     */
    record Chat(List<ChatMessage> messages, List<Tool> tools) implements Prompt {
        public Chat {
            messages = List.copyOf(messages);
            tools = List.copyOf(tools);
        }

        public Chat(List<ChatMessage> messages) {
            this(messages, List.of());
        }
    }

    /** One user turn. */
    static Prompt chat(String userMessage) {
        return new Chat(List.of(ChatMessage.user(userMessage)));
    }
}
