package dev.tempera.trace;

/**
 * What a processor, or at the end the sampler, did to the candidates of one step. Immutable and thread-safe.
 *
 * @param name the stage as it prints itself
 * @param removed candidates that it removed
 * @param removedMass their probability before the stage
 * @param kept candidates after it
 * @param entropyBefore in nats, of the softmax of what it was given
 * @param entropyAfter in nats, of the softmax of what it left
 */
public record TracedStage(
        String name, int removed, double removedMass, int kept, double entropyBefore, double entropyAfter) {}
