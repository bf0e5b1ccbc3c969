package dev.tempera.vllm;

import dev.tempera.engine.FinishReason;
import dev.tempera.engine.Generation;
import dev.tempera.engine.GenerationChunk;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.TokenDecoder;
import dev.tempera.engine.Tokenizer;
import dev.tempera.engine.ToolCallDelta;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Gives one choice of a server's answer to its {@link Generation}: decodes ids here, one by one, or takes the server's
 * text. The last piece waits until the server has said that all is complete, since what is said after it belongs to the
 * result. Belongs to one thread.
 */
final class Receiver {
    private final Generation generation;
    private final @Nullable Tokenizer tokenizer;
    private final @Nullable TokenDecoder decoder;
    private final int mostLogprobs;
    private final boolean includeStop;
    private Event.@Nullable Choice last;

    /**
     * @param generation is given text or decodes with this decoder at its end
     * @param tokenizer for tokens' texts; null if there is none
     * @param decoder null if the server's text is taken
     * @param mostLogprobs how many candidates the caller asked for; null for no log-probabilities
     * @param includeStop whether the text of a stop token belongs to the text
     */
    Receiver(
            Generation generation,
            @Nullable Tokenizer tokenizer,
            @Nullable TokenDecoder decoder,
            @Nullable Integer mostLogprobs,
            boolean includeStop) {
        this.generation = generation;
        this.tokenizer = tokenizer;
        this.decoder = decoder;
        this.mostLogprobs = mostLogprobs == null ? -1 : mostLogprobs;
        this.includeStop = includeStop;
    }

    Generation generation() {
        return generation;
    }

    /** Whether the server said why this choice ends. */
    boolean hasReason() {
        return last != null;
    }

    void take(Event.Choice choice) {
        if (generation.isFinished()) {
            return;
        }
        details(choice.others());
        promptLogprobs(choice.promptLogprobs());
        if (choice.finishReason() != null) {
            last = choice;
        } else {
            give(choice, null);
        }
    }

    /**
     * The server says that the stream is complete.
     *
     * @throws VllmException if it never said why this choice ends
     */
    void complete(String requestId) {
        if (generation.isFinished()) {
            return;
        }
        Event.Choice choice = last;
        if (choice == null) {
            throw new VllmException(
                            Reason.TRUNCATED,
                            "the server said that the stream is complete, but not why the text ends: it may be cut")
                    .withRequestId(requestId);
        }
        last = null;
        if (choice.stopReason() != null) {
            generation.details(Map.of("stop_reason", choice.stopReason()));
        }
        give(choice, new FinishReason(Objects.requireNonNull(choice.finishReason())));
    }

    /** The stream ends without being complete: what came last belongs to the text all the same. */
    void cut() {
        Event.Choice choice = last;
        last = null;
        if (choice != null && !generation.isFinished()) {
            give(choice, null);
        }
    }

    /**
     * Takes what an event says of all its choices.
     *
     * @param texts how many choices there are: the count of generated tokens is that of all
     */
    void ofAll(Event event, int texts) {
        Event.TokenUsage usage = event.usage();
        if (usage != null) {
            generation.promptTokens(usage.promptTokens());
            if (texts == 1) {
                generation.generatedTokens(usage.generatedTokens());
            }
            if (usage.cachedTokens() >= 0) {
                generation.details(Map.of("cached_tokens", usage.cachedTokens()));
            }
        }
        if (event.fingerprint() != null) {
            generation.details(Map.of("system_fingerprint", event.fingerprint()));
        }
        promptLogprobs(event.promptLogprobs());
        details(event.others());
    }

    /** As lists of {@link Logprobs.Token}, one list for each token of the prompt, the first one's empty. */
    private void promptLogprobs(@Nullable List<List<Event.Candidate>> prompt) {
        if (prompt != null) {
            List<List<Logprobs.Token>> tokens = prompt.stream()
                    .map(candidates -> candidates.stream()
                            .map(candidate -> token(candidate, candidate.rank()))
                            .toList())
                    .toList();
            generation.details(Map.of("prompt_logprobs", tokens));
        }
    }

    private void details(Map<String, Object> others) {
        if (!others.isEmpty()) {
            generation.details(others);
        }
    }

    private void give(Event.Choice choice, @Nullable FinishReason end) {
        if (decoder == null) {
            give(
                    GenerationChunk.of(
                            choice.text(), ids(choice), choice.reasoning(), deltas(choice), positions(choice)),
                    end);
            return;
        }
        int[] ids = choice.tokenIds();
        List<Logprobs.Position> positions = positions(choice);
        for (int i = 0; i < ids.length && !generation.isFinished(); i++) {
            boolean newest = i == ids.length - 1;
            boolean stopToken = newest && FinishReason.STOP.equals(end) && !(choice.stopReason() instanceof String);
            String text = stopToken && !includeStop ? "" : decoder.append(ids[i]);
            List<Logprobs.Position> position = i < positions.size() ? List.of(positions.get(i)) : List.of();
            give(GenerationChunk.of(text, List.of(ids[i]), "", List.of(), position), newest ? end : null);
        }
        if (end != null) {
            generation.finish(end);
        }
    }

    private void give(GenerationChunk chunk, @Nullable FinishReason end) {
        if (end != null) {
            generation.acceptLast(chunk, end);
        } else if (!isEmpty(chunk)) {
            generation.accept(chunk);
        }
    }

    private static boolean isEmpty(GenerationChunk chunk) {
        return chunk.text().isEmpty()
                && chunk.tokenIds().isEmpty()
                && chunk.reasoning().isEmpty()
                && chunk.toolCalls().isEmpty()
                && chunk.logprobs().isEmpty();
    }

    private static List<Integer> ids(Event.Choice choice) {
        List<Integer> ids = new ArrayList<>(choice.tokenIds().length);
        for (int id : choice.tokenIds()) {
            ids.add(id);
        }
        return ids;
    }

    private static List<ToolCallDelta> deltas(Event.Choice choice) {
        return choice.toolCalls().stream()
                .map(part -> new ToolCallDelta(part.index(), part.id(), part.name(), part.arguments()))
                .toList();
    }

    private List<Logprobs.Position> positions(Event.Choice choice) {
        return mostLogprobs < 0
                ? List.of()
                : choice.logprobs().stream().map(this::position).toList();
    }

    /** Some routes list the drawn token among the likeliest whether it is one or not, and none but one tells ranks. */
    private Logprobs.Position position(Event.Position position) {
        List<Event.Candidate> falling = position.top().stream()
                .sorted(Comparator.comparingDouble(Event.Candidate::logprob).reversed())
                .limit(mostLogprobs)
                .toList();
        List<Logprobs.Token> top = new ArrayList<>();
        int drawnRank = position.sampled().rank();
        for (Event.Candidate candidate : falling) {
            top.add(token(candidate, top.size() + 1));
            if (drawnRank == 0 && candidate.tokenId() == position.sampled().tokenId() && candidate.tokenId() >= 0) {
                drawnRank = top.size();
            }
        }
        return new Logprobs.Position(token(position.sampled(), drawnRank), top);
    }

    private Logprobs.Token token(Event.Candidate candidate, int rank) {
        String text = candidate.token();
        if (text == null && tokenizer != null && candidate.tokenId() >= 0) {
            text = tokenizer.decode(new int[] {candidate.tokenId()});
        }
        return new Logprobs.Token(candidate.tokenId(), text == null ? "" : text, candidate.logprob(), rank);
    }
}
