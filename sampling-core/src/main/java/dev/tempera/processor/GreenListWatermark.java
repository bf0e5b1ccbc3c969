package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TokenHistory;

/**
 * Marks a text so that {@link WatermarkDetector} can tell it from others: at every position a secret part of the
 * vocabulary is green, another one each time, and green tokens get {@code logit + delta}. Kirchenbauer et al. 2023, "A
 * Watermark for Large Language Models", arXiv 2301.10226, its soft red list.
 *
 * <p>Whether a token is green depends on the key, the {@code contextWidth} tokens before it and its id. With m the
 * finaliser of SplitMix64 ({@code z ^= z >>> 30; z *= 0xBF58476D1CE4E5B9; z ^= z >>> 27; z *= 0x94D049BB133111EB; z ^= z
 * >>> 31}) and g = 0x9E3779B97F4A7C15, all in 64 bits: s = m(key + g), then s = m(s + (t + 1) g) for each token t of the
 * context, oldest first; token v is green if the upper 53 bits of m(s + (v + 1) g) are below gamma 2<sup>53</sup>. So
 * every token is green with probability gamma on its own, and a position has about gamma V green tokens, not exactly as
 * many. These lists are for good: a text stays detectable.
 *
 * <p>{@link Seeding#SELFHASH}: the context is {@code contextWidth} tokens with the candidate v itself, and s is the
 * smallest unsigned m(m(m(key + g) + (t + 1) g) + (v + 1) g) over its tokens t, so that one token changed in the text
 * spoils fewer positions (arXiv 2306.04634).
 *
 * <p>As transformers' {@code WatermarkingConfig} (ratio, bias, key, scheme, width), with lists of its own: transformers
 * permutes the vocabulary with torch's generator, so each library detects its own texts alone; and its
 * {@code lefthash} looks at the last token whatever the width. Prompt tokens are context, too. While the history is
 * shorter than the context nothing is green. Texts with little choice (code, quotations, low temperature) carry little
 * of the mark. Whoever has the key can detect and forge it. Not a cryptographic hash: it keeps honest people honest.
 *
 * <p>Immutable and thread-safe. O(size), times the width for selfhash; no allocation.
 *
 * @param gamma the share of green tokens, in (0, 1)
 * @param delta what is added to their logits, finite and above 0
 * @param key secret, any number
 * @param contextWidth how many tokens decide, in [1, 1000]
 */
public record GreenListWatermark(double gamma, double delta, long key, int contextWidth, Seeding seeding)
        implements LogitsProcessor {
    /** What decides which tokens are green. */
    public enum Seeding {
        /** The tokens before the candidate. */
        LEFTHASH,
        /** The candidate and the tokens before it, by the least hash among them. */
        SELFHASH
    }

    private static final int WIDEST = 1000;

    /** @throws InvalidParametersException if a value is outside its range */
    public GreenListWatermark {
        Require.that(gamma > 0 && gamma < 1, "gamma", "be in (0, 1)", gamma);
        Require.that(delta > 0 && delta <= Float.MAX_VALUE, "delta", "be a finite number greater than 0", delta);
        Require.that(
                contextWidth >= 1 && contextWidth <= WIDEST,
                "context_width",
                "be in [1, " + WIDEST + "]",
                contextWidth);
    }

    /** transformers' strength (a quarter green, bias 2), decided by the token before. */
    public GreenListWatermark(long key) {
        this(0.25, 2, key, 1, Seeding.LEFTHASH);
    }

    @Override
    public LogitsProcessor forSequence(SamplingContext context) {
        GreenList green = new GreenList(this);
        return (logits, current) -> add(logits, current.history(), green);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        add(logits, context.history(), new GreenList(this));
    }

    private void add(Logits logits, TokenHistory history, GreenList green) {
        int first = history.size() - contextBefore();
        if (first < 0) {
            return;
        }
        green.clear();
        for (int i = first; i < history.size(); i++) {
            green.add(history.get(i));
        }
        float bias = (float) delta;
        for (int i = 0; i < logits.size(); i++) {
            if (green.contains(logits.tokenId(i))) {
                logits.set(i, logits.get(i) + bias);
            }
        }
    }

    /** How many tokens before a candidate decide. */
    int contextBefore() {
        return seeding == Seeding.SELFHASH ? contextWidth - 1 : contextWidth;
    }
}
