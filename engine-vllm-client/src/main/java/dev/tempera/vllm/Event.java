package dev.tempera.vllm;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One payload of a stream or one whole answer, of any route and dialect. Immutable by agreement: arrays are not copied.
 *
 * @param id that the server gave the request; null in some dialects
 * @param model that answers; null where the route does not tell
 * @param fingerprint of the server: its version; most often only in the last event
 * @param choices in the order of the wire, which need not be that of their indexes; empty for an event of usage alone
 * @param usage so far, or of the whole; null if not told
 * @param promptTokenIds null if not told
 * @param promptLogprobs one list of candidates per token of the prompt, the first one's empty; null if not asked for
 * @param error what the server says went wrong within the stream; null ordinarily
 * @param others fields of which this client knows nothing, if they are not null; most often empty
 */
record Event(
        @Nullable String id,
        @Nullable String model,
        @Nullable String fingerprint,
        List<Choice> choices,
        @Nullable TokenUsage usage,
        int @Nullable [] promptTokenIds,
        @Nullable List<List<Candidate>> promptLogprobs,
        @Nullable ServerError error,
        Map<String, Object> others) {

    /**
     * What one choice goes on with; the whole of it in a whole answer.
     *
     * @param text empty if none
     * @param reasoning empty if none
     * @param toolCalls empty if none
     * @param tokenIds empty if none or not told; need not correspond to the text
     * @param logprobs one per token; empty if not asked for
     * @param finishReason null until the end
     * @param stopReason the stop string, or the stop token's id as a {@link Number}; null for end of sequence
     * @param promptTokenIds null if not told
     * @param promptLogprobs as in the event; null if not told
     * @param others as in the event
     */
    record Choice(
            int index,
            String text,
            String reasoning,
            List<ToolCallPart> toolCalls,
            int[] tokenIds,
            List<Position> logprobs,
            @Nullable String finishReason,
            @Nullable Object stopReason,
            int @Nullable [] promptTokenIds,
            @Nullable List<List<Candidate>> promptLogprobs,
            Map<String, Object> others) {}

    /**
     * A token as the server names it.
     *
     * @param tokenId -1 if the server gave text alone
     * @param token its text; null if the server gave the id alone
     * @param bytes of the text; null if not given
     * @param logprob in natural log; the wire's -9999 is negative infinity here
     * @param rank from 1; 0 if not given
     */
    record Candidate(int tokenId, @Nullable String token, byte @Nullable [] bytes, double logprob, int rank) {}

    /**
     * What was drawn at one position and from what.
     *
     * @param top likeliest of the step in the order of the wire; with or without the drawn one, as the server does
     */
    record Position(Candidate sampled, List<Candidate> top) {}

    /** A piece of a tool call; empty strings for what this piece does not have. */
    record ToolCallPart(int index, String id, String name, String arguments) {}

    /** @param cachedTokens of the prompt; -1 if not told */
    record TokenUsage(int promptTokens, int generatedTokens, int cachedTokens) {}

    /** The server's words, as they came; {@code code} is a number or a string, or null. */
    record ServerError(
            String message,
            @Nullable String type,
            @Nullable String param,
            @Nullable Object code) {}
}
