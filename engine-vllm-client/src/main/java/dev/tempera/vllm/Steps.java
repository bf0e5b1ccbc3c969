package dev.tempera.vllm;

import dev.tempera.Logits;
import java.util.List;

/** Where the likeliest tokens of each step come from. For one thread, save {@link #cancel}. */
interface Steps {
    /**
     * The next steps of a text: each after the tokens that were drawn in those before it.
     *
     * @param text the prompt and what came after it
     * @param draft how the tokens are drawn
     * @param tokens how many steps at most, at least 1
     * @param seed of the draws
     * @return at least one, unless it was cancelled
     * @throws VllmException if the server fails
     */
    List<Step> next(List<Integer> text, Draft draft, int tokens, long seed);

    /** Gives up what is under way. From any thread, any number of times. */
    void cancel();

    /**
     * One step. The arrays are not changed by agreement.
     *
     * @param drawn by the server
     * @param tokenIds the likeliest, ascending, whatever was drawn
     * @param values their log-probabilities, or logits, as the model gave them
     */
    record Step(int drawn, int[] tokenIds, float[] values) {
        /** A working set for processors. */
        Logits logits(int vocabularySize) {
            return Logits.ofCandidates(tokenIds.clone(), values.clone(), vocabularySize);
        }
    }
}
