package dev.tempera.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import org.junit.jupiter.api.Test;

class AvailableMemoryTest {
    @Test
    void require_tooLittle_saysNeededAndFree() {
        assertThatThrownBy(() -> AvailableMemory.require(
                        15_300_000_000L, 11_000_000_000L, "qwen2.5-7b", Dtype.BFLOAT16, Device.cpu()))
                .isInstanceOf(ModelFolderException.class)
                .hasMessage("qwen2.5-7b needs 15.3 GB in bfloat16 on cpu, 11.0 GB free;"
                        + " take a smaller model or a machine with more memory.");
        assertThatThrownBy(() -> AvailableMemory.require(2L << 30, 1L << 30, "m", Dtype.FLOAT32, Device.gpu(1)))
                .hasMessage(
                        "m needs 2.1 GB in float32 on gpu1, 1.1 GB free; load it as bfloat16, or take a smaller model.");
    }

    @Test
    void require_enough_passes() {
        assertThatCode(() -> AvailableMemory.require(1, 1, "m", Dtype.FLOAT32, Device.cpu()))
                .doesNotThrowAnyException();
    }

    @Test
    void of_thisMachine_isPlausible() {
        assertThat(AvailableMemory.of(Device.cpu())).isBetween(1L << 20, 1L << 50);
    }

    @Test
    void weights_ofQwen25_7bInBfloat16_take15Gigabytes() {
        var config = new Qwen2Config(152_064, 3_584, 18_944, 28, 28, 4, 128, 32_768, 1e-6, 1e6, false);
        assertThat(Qwen2Weights.bytes(config, Dtype.BFLOAT16)).isEqualTo(15_231_233_024L);
    }

    @Test
    void weights_ofATiedHead_countOnce() {
        var config = new Qwen2Config(151_936, 896, 4_864, 24, 14, 2, 64, 32_768, 1e-6, 1e6, true);
        assertThat(Qwen2Weights.bytes(config, Dtype.BFLOAT16)).isEqualTo(988_065_536L); // Qwen2.5-0.5B's total_size
    }
}
