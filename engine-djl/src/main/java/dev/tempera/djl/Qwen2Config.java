package dev.tempera.djl;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;

/**
 * The shape of a Qwen2 model, from {@code config.json}; names are that file's, in camel case.
 *
 * @param vocabSize rows of the embedding and of the LM head, often more than the tokenizer has ids
 * @param maxPositionEmbeddings the longest context that the model was made for, in tokens
 */
record Qwen2Config(
        int vocabSize,
        int hiddenSize,
        int intermediateSize,
        int numHiddenLayers,
        int numAttentionHeads,
        int numKeyValueHeads,
        int headDim,
        int maxPositionEmbeddings,
        double rmsNormEps,
        double ropeTheta,
        boolean tieWordEmbeddings) {

    static Qwen2Config read(Path folder) {
        Path file = folder.resolve("config.json");
        return of(Json.readObject(file), file);
    }

    private static Qwen2Config of(JsonNode json, Path file) {
        String modelType = json.path("model_type").asText("");
        if (!modelType.equals("qwen2")) {
            throw new ModelFolderException(file + ": model_type \"" + modelType
                    + "\" is not supported. Supported: \"qwen2\" (Qwen2 and Qwen2.5, every size).");
        }
        refuseUnsupported(json, file);
        int hiddenSize = positive(json, "hidden_size", file);
        int heads = positive(json, "num_attention_heads", file);
        int kvHeads = json.hasNonNull("num_key_value_heads") ? positive(json, "num_key_value_heads", file) : heads;
        if (heads % kvHeads != 0) {
            throw new ModelFolderException(file + ": num_attention_heads (" + heads
                    + ") must be a multiple of num_key_value_heads (" + kvHeads + ").");
        }
        if (!json.hasNonNull("head_dim") && hiddenSize % heads != 0) {
            throw new ModelFolderException(file + ": hidden_size (" + hiddenSize
                    + ") must be a multiple of num_attention_heads (" + heads + ").");
        }
        // transformers 5 moved rope_theta into rope_parameters.
        JsonNode ropeTheta = json.path("rope_parameters").path("rope_theta");
        return new Qwen2Config(
                positive(json, "vocab_size", file),
                hiddenSize,
                positive(json, "intermediate_size", file),
                positive(json, "num_hidden_layers", file),
                heads,
                kvHeads,
                json.hasNonNull("head_dim") ? positive(json, "head_dim", file) : hiddenSize / heads,
                positive(json, "max_position_embeddings", file),
                positive(json.path("rms_norm_eps"), "rms_norm_eps", 1e-6, file),
                positive(ropeTheta.isMissingNode() ? json.path("rope_theta") : ropeTheta, "rope_theta", 10_000, file),
                json.path("tie_word_embeddings").asBoolean(false));
    }

    private static void refuseUnsupported(JsonNode json, Path file) {
        String activation = json.path("hidden_act").asText("silu");
        if (!activation.equals("silu")) {
            throw new ModelFolderException(
                    file + ": hidden_act \"" + activation + "\" is not supported. Supported: \"silu\".");
        }
        for (String field : List.of("rope_scaling", "rope_parameters")) {
            JsonNode scaling = json.path(field);
            String type = scaling.path("rope_type").asText(scaling.path("type").asText("default"));
            if (!type.equals("default")) {
                throw new ModelFolderException(file + ": " + field + " of type \"" + type
                        + "\" is not supported. Without " + field + " the model runs up to its original context.");
            }
        }
        if (json.path("use_sliding_window").asBoolean(false)) {
            throw new ModelFolderException(file + ": use_sliding_window is not supported; set it to false.");
        }
    }

    private static int positive(JsonNode json, String field, Path file) {
        JsonNode value = json.path(field);
        if (!value.isInt() || value.intValue() < 1) {
            throw new ModelFolderException(file + ": " + field + " must be a positive whole number, "
                    + (value.isMissingNode() ? "but is missing." : "found " + value + "."));
        }
        return value.intValue();
    }

    private static double positive(JsonNode value, String field, double absent, Path file) {
        if (value.isMissingNode() || value.isNull()) {
            return absent;
        }
        if (!value.isNumber() || !(value.doubleValue() > 0) || Double.isInfinite(value.doubleValue())) {
            throw new ModelFolderException(file + ": " + field + " must be a positive number, found " + value + ".");
        }
        return value.doubleValue();
    }
}
