package dev.tempera.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Qwen2ConfigTest {
    @TempDir
    Path folder;

    @Test
    void read_tinyModel_hasItsShape() {
        assertThat(Qwen2Config.read(TinyQwen2.FOLDER))
                .isEqualTo(new Qwen2Config(300, 112, 96, 2, 14, 2, 8, 1024, 1e-6, 1e6, false));
    }

    @Test
    void read_ropeParametersOfTransformers5_areUnderstood() {
        TinyQwen2.copyTo(folder);
        TinyQwen2.replaceInConfig(
                folder,
                "\"rope_theta\": 1000000.0",
                "\"rope_parameters\": {\"rope_theta\": 5000.0, \"rope_type\": \"default\"}");
        assertThat(Qwen2Config.read(folder).ropeTheta()).isEqualTo(5000.0);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"model_type\": \"qwen2\"|\"model_type\": \"llama\"|model_type \"llama\" is not supported. Supported: \"qwen2\" (Qwen2 and Qwen2.5, every size).",
                "\"hidden_act\": \"silu\"|\"hidden_act\": \"gelu\"|hidden_act \"gelu\" is not supported. Supported: \"silu\".",
                "\"rope_scaling\": null|\"rope_scaling\": {\"type\": \"yarn\"}|rope_scaling of type \"yarn\" is not supported. Without rope_scaling the model runs up to its original context.",
                "\"use_sliding_window\": false|\"use_sliding_window\": true|use_sliding_window is not supported; set it to false.",
                "\"hidden_size\": 112|\"hidden_size\": -1|hidden_size must be a positive whole number, found -1.",
                "\"hidden_size\": 112,||hidden_size must be a positive whole number, but is missing.",
                "\"hidden_size\": 112|\"hidden_size\": 113|hidden_size (113) must be a multiple of num_attention_heads (14).",
                "\"num_key_value_heads\": 2|\"num_key_value_heads\": 3|num_attention_heads (14) must be a multiple of num_key_value_heads (3).",
                "\"rms_norm_eps\": 1e-06|\"rms_norm_eps\": 0|rms_norm_eps must be a positive number, found 0.",
            })
    void read_unsupportedOrContradictory_saysWhatIsWrong(String found, String replacement, String message) {
        TinyQwen2.copyTo(folder);
        TinyQwen2.replaceInConfig(folder, found, replacement == null ? "" : replacement);
        assertThatThrownBy(() -> Qwen2Config.read(folder))
                .isInstanceOf(ModelFolderException.class)
                .hasMessage(folder.resolve("config.json") + ": " + message);
    }

    @Test
    void read_missingOrNoJson_saysSo() throws IOException {
        assertThatThrownBy(() -> Qwen2Config.read(folder))
                .hasMessageContaining("config.json is missing. A model folder holds config.json");
        Files.writeString(folder.resolve("config.json"), "");
        assertThatThrownBy(() -> Qwen2Config.read(folder)).hasMessageContaining("must hold a JSON object");
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"qwen2\"");
        assertThatThrownBy(() -> Qwen2Config.read(folder)).hasMessageContaining("is not valid JSON");
    }

    @Test
    void check_shapeThatContradictsTheConfig_namesTensorAndShapes() {
        TinyQwen2.copyTo(folder);
        TinyQwen2.replaceInConfig(folder, "\"intermediate_size\": 96", "\"intermediate_size\": 97");
        assertThatThrownBy(() -> Qwen2Weights.check(Qwen2Config.read(folder), Safetensors.open(folder)))
                .isInstanceOf(ModelFolderException.class)
                .hasMessage("model.layers.0.mlp.gate_proj.weight: expected shape [97, 112], found [96, 112] in"
                        + " model.safetensors. Does config.json belong to these weights?");
    }

    @Test
    void check_moreLayersThanWeights_namesTheMissingTensor() {
        TinyQwen2.copyTo(folder);
        TinyQwen2.replaceInConfig(folder, "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
        assertThatThrownBy(() -> Qwen2Weights.check(Qwen2Config.read(folder), Safetensors.open(folder)))
                .hasMessage(
                        "model.layers.2.input_layernorm.weight is missing in model.safetensors, which has 27 tensors."
                                + " Does config.json belong to these weights?");
    }
}
