package dev.tempera.processor;

import dev.tempera.Logits;

/** What it means that a token must come, in every processor that forces one. */
final class Forcing {
    private Forcing() {}

    /**
     * Masks every other token and gives the forced ones the logit 0. A forced token that is masked already stays so: a
     * ban holds. If all of them are, nothing changes.
     *
     * @param tokenIds ascending
     */
    static void force(Logits logits, int[] tokenIds) {
        force(logits, tokenIds, false);
    }

    /** @param overMasks transformers' rule: a forced token comes although it is masked */
    static void force(Logits logits, int[] tokenIds, boolean overMasks) {
        boolean possible = overMasks;
        for (int tokenId : tokenIds) {
            possible |= logits.ofToken(tokenId) > Float.NEGATIVE_INFINITY; // NaN is not
        }
        if (!possible) {
            return;
        }
        logits.maskAllExcept(tokenIds);
        for (int tokenId : tokenIds) {
            if (overMasks || logits.ofToken(tokenId) > Float.NEGATIVE_INFINITY) {
                logits.setToken(tokenId, 0);
            }
        }
    }
}
