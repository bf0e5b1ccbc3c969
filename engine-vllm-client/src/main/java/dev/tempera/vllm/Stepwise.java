package dev.tempera.vllm;

import dev.tempera.Require;

/**
 * How processors that the server does not have run: here, over the log-probabilities of the likeliest tokens of each
 * step. Immutable and thread-safe.
 *
 * <p>Plain, every token is a request of its own, whose prompt is the text so far; the server's prefix cache spares it
 * most of the work. With a draft, a request draws several tokens from the model's own distribution p, and each is kept
 * with probability {@code min(1, q / p)}, where q is what the processors make of the step; after the first that is not,
 * a token is drawn from {@code max(0, q - p)} and the rest is thrown away. The texts follow the same law either way
 * (Leviathan et al. 2023, arXiv 2211.17192, with the processors in the place of the larger model).
 *
 * @param candidates how many tokens of each step to look at; -1 for the whole vocabulary. A server lists at most
 *     {@code --max-logprobs} (20 unless raised): fewer are looked at then
 * @param draft how many tokens a request draws ahead; 1 for plain
 * @param exactOnly whether a pipeline is refused whose result could differ from that on the full logits
 */
public record Stepwise(int candidates, int draft, boolean exactOnly) {
    /** Plain, over 100 candidates. */
    public static final Stepwise DEFAULT = new Stepwise(100, 1, false);

    /** Under which a request's options carry it; not a field of the wire. */
    static final String FIELD = "stepwise";

    /** @throws dev.tempera.InvalidParametersException if a number is out of range */
    public Stepwise {
        Require.that(
                candidates == -1 || candidates >= 1 && candidates <= 1_000_000,
                "candidates",
                "be -1 (all) or from 1 to 1000000",
                candidates);
        Require.that(draft >= 1 && draft <= 1024, "draft", "be from 1 to 1024", draft);
    }

    /** Over so many candidates; -1 for the whole vocabulary. */
    public Stepwise withCandidates(int number) {
        return new Stepwise(number, draft, exactOnly);
    }

    /** Draws so many tokens ahead. */
    public Stepwise withDraft(int tokens) {
        return new Stepwise(candidates, tokens, exactOnly);
    }

    /** Refuses what is not exact. */
    public Stepwise onlyExact() {
        return new Stepwise(candidates, draft, true);
    }

    boolean isSpeculative() {
        return draft > 1;
    }
}
