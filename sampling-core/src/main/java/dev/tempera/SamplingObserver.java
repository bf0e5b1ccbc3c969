package dev.tempera;

/**
 * Sees how one token comes about, stage by stage: {@link SequenceSampler#sample(float[], SamplingObserver)}. What it is
 * shown is not to be changed, nor kept: the next stage overwrites it.
 */
public interface SamplingObserver {
    /** The logits of the model; rows that are no token are masked. */
    void given(Logits logits, SamplingContext context);

    /** What a processor left, in the order of the pipeline. */
    void processed(LogitsProcessor processor, Logits logits);

    /** What the sampler draws from, see {@link Sampler#shape}. */
    void shaped(Sampler sampler, Logits logits);

    /** The token drawn. The history is what it is now: without the token, and others, if they were taken back. */
    void accepted(int tokenId, SamplingContext context);
}
