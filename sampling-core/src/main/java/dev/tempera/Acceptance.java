package dev.tempera;

/**
 * What is to happen with a token after a processor has seen it: show it, keep it back for now, or take back the last
 * {@code rewind} tokens, this one included. Only tokens that were held back can be taken back.
 *
 * @param rewind 0 unless tokens are to be taken back
 * @param held whether the text up to here may still be taken back
 */
public record Acceptance(int rewind, boolean held) {
    /** @throws InvalidParametersException if {@code rewind} is negative, or tokens are both held and taken back */
    public Acceptance {
        Require.that(rewind >= 0, "rewind", "be at least 0", rewind);
        Require.that(rewind == 0 || !held, "held", "be false when tokens are taken back", held);
    }

    public static final Acceptance EMIT = new Acceptance(0, false);
    public static final Acceptance HOLD = new Acceptance(0, true);

    /** @param tokens how many of the newest tokens to take back, at least 1 */
    public static Acceptance rewind(int tokens) {
        Require.that(tokens >= 1, "tokens", "be at least 1", tokens);
        return new Acceptance(tokens, false);
    }

    /** The stronger of two answers: a longer rewind, else a rewind, else a hold. */
    Acceptance and(Acceptance other) {
        if (rewind != other.rewind) {
            return rewind > other.rewind ? this : other;
        }
        return held ? this : other;
    }
}
