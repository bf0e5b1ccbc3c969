package dev.tempera;

/**
 * What is to happen with a token after a processor has seen it: show it, keep it back for now, or take back the last
 * {@code rewind} tokens, this one included. Only tokens that were held back can be taken back.
 *
 * @param rewind 0 unless tokens are to be taken back
 * @param held how many of the newest tokens, this one included, may still be taken back; what came before them is shown
 */
public record Acceptance(int rewind, int held) {
    /** @throws InvalidParametersException if a number is negative, or tokens are both held and taken back */
    public Acceptance {
        Require.that(rewind >= 0, "rewind", "be at least 0", rewind);
        Require.that(held >= 0, "held", "be at least 0", held);
        Require.that(rewind == 0 || held == 0, "held", "be 0 when tokens are taken back", held);
    }

    public static final Acceptance EMIT = new Acceptance(0, 0);

    /** Holds this token back, and all that are held already. */
    public static final Acceptance HOLD = hold(Integer.MAX_VALUE);

    /** @param tokens how many of the newest tokens to keep back, at least 1; a token that was shown stays shown */
    public static Acceptance hold(int tokens) {
        Require.that(tokens >= 1, "tokens", "be at least 1", tokens);
        return new Acceptance(0, tokens);
    }

    /** @param tokens how many of the newest tokens to take back, at least 1 */
    public static Acceptance rewind(int tokens) {
        Require.that(tokens >= 1, "tokens", "be at least 1", tokens);
        return new Acceptance(tokens, 0);
    }

    /** The stronger of two answers: a longer rewind, else a rewind, else a longer hold. */
    Acceptance and(Acceptance other) {
        if (rewind != other.rewind) {
            return rewind > other.rewind ? this : other;
        }
        return held >= other.held ? this : other;
    }
}
