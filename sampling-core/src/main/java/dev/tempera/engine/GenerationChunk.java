package dev.tempera.engine;

import java.util.List;

/**
 * A piece of a generation. Text and token ids need not match within a chunk: half a character gives an id and no text,
 * held-back text comes later. Over a whole stream they do. Immutable and thread-safe.
 */
public final class GenerationChunk {
    private final String text;
    private final List<Integer> tokenIds;
    private final String reasoning;
    private final List<ToolCallDelta> toolCalls;
    private final List<Logprobs.Position> logprobs;

    private GenerationChunk(
            String text,
            List<Integer> tokenIds,
            String reasoning,
            List<ToolCallDelta> toolCalls,
            List<Logprobs.Position> logprobs) {
        this.text = text;
        this.tokenIds = List.copyOf(tokenIds);
        this.reasoning = reasoning;
        this.toolCalls = List.copyOf(toolCalls);
        this.logprobs = List.copyOf(logprobs);
    }

    public static GenerationChunk of(String text, List<Integer> tokenIds) {
        return new GenerationChunk(text, tokenIds, "", List.of(), List.of());
    }

    /** A chunk of an engine that tells reasoning and tool calls from the text, or log-probabilities of the tokens. */
    public static GenerationChunk of(
            String text,
            List<Integer> tokenIds,
            String reasoning,
            List<ToolCallDelta> toolCalls,
            List<Logprobs.Position> logprobs) {
        return new GenerationChunk(text, tokenIds, reasoning, toolCalls, logprobs);
    }

    public String text() {
        return text;
    }

    /** Empty when a remote engine hides them. */
    public List<Integer> tokenIds() {
        return tokenIds;
    }

    /** What a thinking model thought aloud, where the engine tells it from the text. */
    public String reasoning() {
        return reasoning;
    }

    /** Pieces of tool calls, where the engine tells them from the text. */
    public List<ToolCallDelta> toolCalls() {
        return toolCalls;
    }

    /** Of this chunk's tokens; empty unless the request asked for them. */
    public List<Logprobs.Position> logprobs() {
        return logprobs;
    }

    @Override
    public String toString() {
        return "GenerationChunk[" + text + "]";
    }
}
