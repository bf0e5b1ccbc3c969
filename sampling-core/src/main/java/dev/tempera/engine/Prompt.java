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

    /** A conversation, rendered by the model's chat template, which also opens the assistant's turn. */
    record Chat(List<ChatMessage> messages) implements Prompt {
        public Chat {
            messages = List.copyOf(messages);
        }
    }

    /** One user turn. */
    static Prompt chat(String userMessage) {
        return new Chat(List.of(ChatMessage.user(userMessage)));
    }
}
