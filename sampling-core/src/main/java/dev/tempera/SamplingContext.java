package dev.tempera;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a processor may look at. One per sequence; not thread-safe. */
public final class SamplingContext {
    /** The name of the logits under the negative prompt, see {@link #logits}. */
    public static final String NEGATIVE = "negative";

    private final TokenHistory history;
    private final Vocabulary vocabulary;
    private final int[] stopTokenIds;
    private final long seed;
    private final Map<String, float[]> otherLogits = new HashMap<>(0);
    private int held;

    SamplingContext(TokenHistory history, Vocabulary vocabulary, int[] stopTokenIds, long seed) {
        this.history = history;
        this.vocabulary = vocabulary;
        this.stopTokenIds = stopTokenIds.clone();
        this.seed = seed;
    }

    public TokenHistory history() {
        return history;
    }

    public Vocabulary vocabulary() {
        return vocabulary;
    }

    /** Ids that end the generation: the model's end-of-generation ids and the caller's. A copy: ask once, not per token. */
    public int[] stopTokenIds() {
        return stopTokenIds.clone();
    }

    /** The caller's seed. */
    public long seed() {
        return seed;
    }

    /**
     * A number in [0, 1) that depends on (seed, number of tokens before this one, purpose) alone: the same whatever
     * the batch, thread, JDK or restart.
     *
     * <p>Philox4x32-10 with the seed as key; counter words: position low, position high, purpose key low, high; the
     * first two output words make 64 bits, first word high, and the upper 53 of them are the fraction. Vectors: see
     * {@code CounterRandomTest}; for instance {@code (seed 0, position 0, purpose key 0)} gives
     * {@code 0x6627e8d5e169c58d >>> 11} times 2<sup>-53</sup>, about 0.39904.
     */
    public double uniform(RandomPurpose purpose) {
        return uniform(purpose, 0);
    }

    /**
     * One of many independent numbers for the same purpose, for instance one a token id; number 0 is
     * {@link #uniform(RandomPurpose)}. The index is the high word of the counter's position.
     *
     * @param index at least 0
     */
    public double uniform(RandomPurpose purpose, int index) {
        return CounterRandom.uniform(seed, (long) index << 32 | history.size(), purpose.key());
    }

    /**
     * Logits of this position from another forward pass, for instance {@link #NEGATIVE} for classifier-free guidance;
     * null when the engine gave none. Not to be changed.
     */
    public float @Nullable [] logits(String name) {
        return otherLogits.get(name);
    }

    /**
     * How many of the newest tokens may still be taken back, in {@link LogitsProcessor#accept}: at least the newest one
     * if a processor of the pipeline may rewind, else none.
     */
    public int held() {
        return held;
    }

    void held(int tokens) {
        held = tokens;
    }

    void forgetLogits() {
        otherLogits.clear();
    }

    void logits(String name, float[] values) {
        otherLogits.put(name, values);
    }
}
