package dev.tempera.djl;

import java.nio.ByteBuffer;

/** Where the decoder gets its weights: a checkpoint, or random numbers in its shape when only speed is of interest. */
@FunctionalInterface
interface WeightSource {
    Stored get(Qwen2Weights.Weight weight);

    /** @param bytes direct, little-endian, the whole tensor */
    record Stored(ByteBuffer bytes, Dtype dtype) {}

    static WeightSource of(Safetensors checkpoint) {
        return weight -> {
            Safetensors.Entry entry = checkpoint.get(weight.name());
            return new Stored(entry.map(), Dtype.ofSafetensors(entry));
        };
    }
}
