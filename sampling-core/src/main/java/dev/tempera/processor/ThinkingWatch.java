package dev.tempera.processor;

import dev.tempera.Acceptance;
import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import dev.tempera.TokenHistory;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A thinking budget on one sequence. */
final class ThinkingWatch implements LogitsProcessor {
    private enum Phase {
        IDLE,
        COUNTING,
        FORCING
    }

    /** @param count tokens of the block so far, or of the closing that were forced */
    private record State(Phase phase, int count) {}

    private static final State IDLE = new State(Phase.IDLE, 0);

    private final int budget;
    private final int[] start;
    private final int[] end;
    private final int[] forced;
    private final int[] force = new int[1];
    private final @Nullable GeneratedText text;
    private State state = IDLE;

    /** @param forced the message and the end marker */
    ThinkingWatch(int budget, int[] start, int[] end, int[] forced, SamplingContext context) {
        this.budget = budget;
        this.start = start;
        this.end = end;
        this.forced = forced;
        this.text = textOf(context);
        TokenHistory history = context.history();
        int opened = 0;
        for (int size = 1; size <= history.size(); size++) {
            if (opened > 0 && endsWith(end, end.length, history, size)) {
                opened = 0;
            } else if (opened == 0 && endsWith(start, start.length, history, size)) {
                opened = size;
            }
        }
        if (opened > 0) {
            state = counted(history.size() - opened, context);
        }
    }

    /** Null if tokens have no text here: then a character may be cut. */
    private static @Nullable GeneratedText textOf(SamplingContext context) {
        try {
            context.vocabulary().decode();
            return new GeneratedText(context.vocabulary(), 1);
        } catch (InvalidParametersException e) {
            return null;
        }
    }

    /** Whether the first {@code size} tokens of the history end in the first {@code length} of the marker. */
    private static boolean endsWith(int[] marker, int length, TokenHistory history, int size) {
        if (length > size) {
            return false;
        }
        for (int i = 0; i < length; i++) {
            if (history.get(size - length + i) != marker[i]) {
                return false;
            }
        }
        return true;
    }

    private State counted(int tokens, SamplingContext context) {
        TokenHistory history = context.history();
        if (tokens < budget || isWithinCharacter(history)) {
            return new State(Phase.COUNTING, tokens);
        }
        int begun = Math.min(tokens, forced.length - 1);
        while (!endsWith(forced, begun, history, history.size())) {
            begun--;
        }
        return new State(Phase.FORCING, begun);
    }

    private boolean isWithinCharacter(TokenHistory history) {
        if (text == null || history.generatedSize() == 0) {
            return false;
        }
        text.read(history);
        return text.unfinishedFrom() < history.size();
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        if (state.phase == Phase.FORCING) {
            force[0] = forced[state.count];
            Forcing.force(logits, force);
        }
    }

    @Override
    public Acceptance accept(int tokenId, SamplingContext context) {
        TokenHistory history = context.history();
        state = switch (state.phase) {
            case IDLE -> endsWith(start, start.length, history, history.size()) ? counted(0, context) : IDLE;
            case COUNTING ->
                endsWith(end, end.length, history, history.size()) ? IDLE : counted(state.count + 1, context);
            case FORCING -> {
                int next = tokenId == forced[state.count] ? state.count + 1 : state.count;
                boolean closed = next == forced.length || endsWith(end, end.length, history, history.size());
                yield closed ? IDLE : new State(Phase.FORCING, next);
            }
        };
        return Acceptance.EMIT;
    }

    @Override
    public Object snapshot() {
        return state;
    }

    @Override
    public void restore(@Nullable Object snapshot) {
        state = (State) Objects.requireNonNull(snapshot);
    }
}
