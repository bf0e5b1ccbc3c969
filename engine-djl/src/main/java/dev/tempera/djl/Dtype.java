package dev.tempera.djl;

import java.util.Locale;

/** The number format of a model's weights and of its KV cache; logits are float32 in every case. */
public enum Dtype {
    BFLOAT16("BF16", 15, 2),
    FLOAT16("F16", 5, 2),
    FLOAT32("F32", 6, 4);

    /** The name that safetensors headers use. */
    final String safetensorsName;

    /** libtorch's number of the type ({@code c10::ScalarType}). DJL's own enum stops short of bfloat16. */
    final int scalarType;

    final int bytes;

    Dtype(String safetensorsName, int scalarType, int bytes) {
        this.safetensorsName = safetensorsName;
        this.scalarType = scalarType;
        this.bytes = bytes;
    }

    /** As transformers and vLLM write it: {@code bfloat16}. */
    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    static Dtype ofSafetensors(Safetensors.Entry entry) {
        for (Dtype dtype : values()) {
            if (dtype.safetensorsName.equals(entry.dtype())) {
                return dtype;
            }
        }
        throw new ModelFolderException(entry.name() + " in " + entry.file() + " has type " + entry.dtype()
                + "; supported are BF16, F16 and F32. Quantised checkpoints are not.");
    }
}
