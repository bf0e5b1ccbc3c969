package dev.tempera.engine;

/**
 * The model asks for a {@link Tool} to be called. Immutable and thread-safe.
 *
 * @param id ties the answer to the call, see {@link ChatMessage#tool}; may be empty where the engine has none
 * @param arguments JSON, as the model wrote it: maybe not what the schema demands
 */
public record ToolCall(String id, String name, String arguments) {}
