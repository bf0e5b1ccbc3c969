package dev.tempera;

import org.jspecify.annotations.Nullable;

/** Chooses one of the candidates left. The rules for state are those of {@link LogitsProcessor}. */
@FunctionalInterface
public interface Sampler {
    /** The candidate with the largest logit; the lowest id on a tie. O(size), no allocation. */
    Sampler GREEDY = new Sampler() {
        @Override
        public int sample(Logits logits, SamplingContext context) {
            return logits.argmax();
        }

        @Override
        public void shape(Logits logits, SamplingContext context) {
            logits.retainTop(1, Ties.LOWEST_IDS);
        }

        @Override
        public String toString() {
            return "Greedy[]";
        }
    };

    /**
     * Draws from the softmax of the candidates by inverse transform over ascending ids, with one uniform number of
     * {@link RandomPurpose#DRAW}. Weights come from {@link Logits#draw}. O(size), no allocation.
     */
    Sampler CATEGORICAL = new Sampler() {
        @Override
        public int sample(Logits logits, SamplingContext context) {
            return logits.draw(context.uniform(RandomPurpose.DRAW));
        }

        @Override
        public String toString() {
            return "Categorical[]";
        }
    };

    /** Returns a token id among the candidates. */
    int sample(Logits logits, SamplingContext context);

    /**
     * Narrows and reshapes the candidates so that {@link #sample} draws from their softmax: tells the distribution
     * without drawing, and changes no state. A sampler that draws from the softmax as it finds it has nothing to do.
     */
    default void shape(Logits logits, SamplingContext context) {}

    default Sampler forSequence(SamplingContext context) {
        return this;
    }

    default void accept(int tokenId, SamplingContext context) {}

    default @Nullable Object snapshot() {
        return null;
    }

    default void restore(@Nullable Object snapshot) {}
}
