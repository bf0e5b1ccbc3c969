package dev.tempera.engine;

/**
 * A piece of a {@link ToolCall} under way: the pieces of one index, put together, are the call. Immutable and thread-safe.
 *
 * @param index which call of this generation, from 0
 * @param id empty but in the first piece
 * @param name empty but in the first piece
 * @param arguments the next characters of the JSON
 */
public record ToolCallDelta(int index, String id, String name, String arguments) {}
