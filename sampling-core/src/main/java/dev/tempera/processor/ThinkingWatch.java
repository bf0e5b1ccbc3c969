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

    private record State(Phase phase, int count) {}

    private final int budget;
    private final int[] start;
    private final int[] end;
    private final int[] forced;
    private final int[] force = new int[1];
    private final @Nullable GeneratedText text;
    private Phase phase = Phase.IDLE;
    private int count; // tokens of the block so far, or of the closing that have come

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
            count(history.size() - opened, history);
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

    private void count(int tokens, TokenHistory history) {
        if (tokens < budget || isWithinCharacter(history)) {
            phase = Phase.COUNTING;
            count = tokens;
            return;
        }
        phase = Phase.FORCING;
        count = Math.min(tokens, forced.length - 1);
        while (!endsWith(forced, count, history, history.size())) {
            count--;
        }
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
        if (phase == Phase.FORCING) {
            force[0] = forced[count];
            Forcing.force(logits, force);
        }
    }

    @Override
    public Acceptance accept(int tokenId, SamplingContext context) {
        TokenHistory history = context.history();
        if (phase == Phase.IDLE) {
            if (endsWith(start, start.length, history, history.size())) {
                count(0, history);
            }
        } else if (endsWith(end, end.length, history, history.size())) {
            phase = Phase.IDLE;
        } else if (phase == Phase.COUNTING) {
            count(count + 1, history);
        } else if (tokenId == forced[count]) {
            count++; // never the last one: that completes the end marker
        } else {
            count = Math.min(count, forced.length - end.length); // an end marker in pieces is none
        }
        return Acceptance.EMIT;
    }

    @Override
    public Object snapshot() {
        return new State(phase, count);
    }

    @Override
    public void restore(@Nullable Object snapshot) {
        State state = (State) Objects.requireNonNull(snapshot);
        phase = state.phase;
        count = state.count;
    }
}
