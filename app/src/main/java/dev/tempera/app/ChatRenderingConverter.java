package dev.tempera.app;

import dev.tempera.vllm.ChatRendering;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads {@code --chat-template}. */
final class ChatRenderingConverter implements ITypeConverter<ChatRendering> {
    @Override
    public ChatRendering convert(String name) {
        return switch (name) {
            case "server" -> ChatRendering.SERVER;
            case "local" -> ChatRendering.LOCAL;
            default -> throw new TypeConversionException("must be server or local, got " + name);
        };
    }
}
