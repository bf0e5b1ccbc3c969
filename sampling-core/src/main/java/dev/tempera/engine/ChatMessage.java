package dev.tempera.engine;

import dev.tempera.Require;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One turn of a conversation. Immutable and thread-safe. */
public final class ChatMessage {
    private final String role;
    private final String content;
    private final List<ToolCall> toolCalls;
    private final @Nullable String toolCallId;

    private ChatMessage(String role, String content, List<ToolCall> toolCalls, @Nullable String toolCallId) {
        Require.that(!role.isBlank(), "role", "be a name such as user", "\"" + role + "\"");
        this.role = role;
        this.content = content;
        this.toolCalls = List.copyOf(toolCalls);
        this.toolCallId = toolCallId;
    }

    public static ChatMessage of(String role, String content) {
        return new ChatMessage(role, content, List.of(), null);
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

    /** What the model said and which tools it asked for. */
    public static ChatMessage assistant(String content, List<ToolCall> toolCalls) {
        return new ChatMessage("assistant", content, toolCalls, null);
    }

    /** What a tool answered. @param toolCallId of the {@link ToolCall} that asked; may be empty */
    public static ChatMessage tool(String toolCallId, String content) {
        return new ChatMessage("tool", content, List.of(), toolCallId);
    }

    public String role() {
        return role;
    }

    public String content() {
        return content;
    }

    /** Empty but in what the assistant said. */
    public List<ToolCall> toolCalls() {
        return toolCalls;
    }

    /** The call that this message answers; null but in a tool's. */
    public @Nullable String toolCallId() {
        return toolCallId;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof ChatMessage that
                && role.equals(that.role)
                && content.equals(that.content)
                && toolCalls.equals(that.toolCalls)
                && Objects.equals(toolCallId, that.toolCallId);
    }

    @Override
    public int hashCode() {
        return Objects.hash(role, content, toolCalls, toolCallId);
    }

    @Override
    public String toString() {
        return role + ": " + content + (toolCalls.isEmpty() ? "" : " " + toolCalls);
    }
}
