package dev.tempera.engine;

import dev.tempera.Require;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One turn of a conversation. Immutable and thread-safe. */
public final class ChatMessage {
    private final String role;
    private final String content;

    private ChatMessage(String role, String content) {
        Require.that(!role.isBlank(), "role", "be a name such as user", "\"" + role + "\"");
        this.role = role;
        this.content = content;
    }

    public static ChatMessage of(String role, String content) {
        return new ChatMessage(role, content);
    }

    public static ChatMessage system(String content) {
        return of("system", content);
    }

    public static ChatMessage user(String content) {
        return of("user", content);
    }

    public static ChatMessage assistant(String content) {
        return of("assistant", content);
    }

    public String role() {
        return role;
    }

    public String content() {
        return content;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof ChatMessage that && role.equals(that.role) && content.equals(that.content);
    }

    @Override
    public int hashCode() {
        return Objects.hash(role, content);
    }

    @Override
    public String toString() {
        return role + ": " + content;
    }
}
