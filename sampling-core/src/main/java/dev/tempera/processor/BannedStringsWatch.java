package dev.tempera.processor;

import dev.tempera.Acceptance;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingContext;
import dev.tempera.TokenHistory;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Banned strings on one sequence: what is held back, and what may not come again where. */
final class BannedStringsWatch implements LogitsProcessor {
    /** @param longest how many characters of a match are looked at */
    record Phrase(Pattern pattern, int longest) {
        /** requireEnd knows nothing of a text that begins with what (?!...) forbids and ends within it. */
        boolean looksForAbsence() {
            return pattern.pattern().contains("(?!");
        }
    }

    /** A token that may not come at a position. */
    private record Ban(int position, int tokenId) {}

    /**
     * @param bans at positions that may still be taken back, in the order of the positions
     * @param passed how many tokens the history had when a phrase was last let pass
     */
    private record State(List<Ban> bans, int passed) {}

    // Less than every end: a match of lookahead alone ends where it starts, at 0 too.
    private static final int NONE = -2;
    private static final int POSSIBLE = -1;

    private final List<Phrase> phrases;
    private final int longest;
    private final List<Matcher> matchers = new ArrayList<>();
    private final GeneratedText text;
    private State state = new State(List.of(), 0);

    BannedStringsWatch(List<Phrase> phrases, SamplingContext context) {
        this.phrases = phrases;
        this.longest = phrases.stream().mapToInt(Phrase::longest).max().orElseThrow();
        this.text = new GeneratedText(context.vocabulary(), longest + BannedStrings.CONTEXT);
        for (Phrase phrase : phrases) {
            Matcher matcher = phrase.pattern().matcher("");
            // What is before a start may be looked at, and is not the beginning of the text.
            matchers.add(matcher.useTransparentBounds(true).useAnchoringBounds(false));
        }
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        int position = context.history().size();
        if (state.bans.isEmpty() || !leavesOther(logits, position)) {
            return;
        }
        for (Ban ban : state.bans) {
            if (ban.position == position) {
                logits.mask(ban.tokenId);
            }
        }
    }

    private boolean leavesOther(Logits logits, int position) {
        for (int i = 0; i < logits.size(); i++) {
            if (logits.get(i) > Float.NEGATIVE_INFINITY && !isBanned(position, logits.tokenId(i))) {
                return true;
            }
        }
        return false;
    }

    private boolean isBanned(int position, int tokenId) {
        for (Ban ban : state.bans) {
            if (ban.position == position && ban.tokenId == tokenId) {
                return true;
            }
        }
        return false;
    }

    @Override
    public Acceptance accept(int tokenId, SamplingContext context) {
        TokenHistory history = context.history();
        int newest = history.size() - 1;
        int oldestHeld = Math.min(newest, history.size() - context.held());
        forgetBefore(oldestHeld);
        text.read(history);
        matchers.forEach(matcher -> matcher.reset(text.characters()));
        int holdFrom = text.unfinishedFrom();
        // A match that is new ends in the newest token, or one character before if it looks ahead.
        for (int start = Math.max(0, text.lengthBefore() - longest); start < text.length(); start++) {
            if (Character.isLowSurrogate(text.characters().charAt(start))) {
                continue;
            }
            int end = look(start);
            if (end == POSSIBLE) {
                holdFrom = Math.min(holdFrom, text.tokenAt(start));
            } else if (end > POSSIBLE && text.tokenAt(Math.max(start, end - 1)) >= state.passed) {
                // Its beginning may be shown, if the text first went on in a way that was then taken back.
                int back = Math.max(text.tokenAt(start), oldestHeld);
                if (!isBanned(back, history.get(back))) {
                    return Acceptance.rewind(history.size() - back);
                }
                // It came although it is banned there, so there was nothing else.
                state = new State(state.bans, history.size());
            }
        }
        return holdFrom > newest ? Acceptance.EMIT : Acceptance.hold(history.size() - holdFrom);
    }

    /** The end of a phrase from here, or whether there may be one, or that there is none. */
    private int look(int start) {
        int sight = NONE;
        int room = text.length() - start;
        for (int i = 0; i < matchers.size(); i++) {
            Matcher matcher = matchers.get(i);
            int most = phrases.get(i).longest();
            matcher.region(start, start + Math.min(room, most));
            boolean matches = matcher.lookingAt();
            boolean mayChange = matcher.hitEnd() && most >= room; // not >: a match of that length may look ahead
            if (matches
                    && !matcher.requireEnd()
                    && !(mayChange && phrases.get(i).looksForAbsence())) {
                return matcher.end();
            }
            if (mayChange) {
                sight = POSSIBLE;
            }
        }
        return sight;
    }

    private void forgetBefore(int position) {
        if (!state.bans.isEmpty() && state.bans.get(0).position < position) {
            List<Ban> left =
                    state.bans.stream().filter(ban -> ban.position >= position).toList();
            state = new State(left, state.passed);
        }
    }

    @Override
    public boolean mayRewind() {
        return true;
    }

    @Override
    public void rewound(int[] takenBack, SamplingContext context) {
        List<Ban> bans = new ArrayList<>(state.bans);
        bans.add(new Ban(context.history().size(), takenBack[0]));
        state = new State(List.copyOf(bans), state.passed);
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
