package dev.tempera.trace;

/**
 * One of the most probable tokens of a step by the model's own logits. Immutable and thread-safe.
 *
 * @param text the token as people read it; empty without a tokenizer
 * @param logit the model's
 * @param logProbability of being drawn, all stages done; -inf when it was removed
 * @param removedBy the place of the stage that removed it in {@link TraceStep#stages}; -1 when none did
 */
public record TracedCandidate(int tokenId, String text, float logit, double logProbability, int removedBy) {}
