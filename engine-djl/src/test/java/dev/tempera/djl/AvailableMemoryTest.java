package dev.tempera.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import dev.tempera.InvalidParametersException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AvailableMemoryTest {
    @Test
    void requireNegativePrompt_moreThanFree_isRefused() {
        assertThatThrownBy(() -> AvailableMemory.requireNegativePrompt(3L << 30, 1L << 30, "m", 512))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(
                        "the negative prompt needs 3.2 GB more for its own 512 tokens in model m, 1.1 GB free; set a"
                                + " smaller max_tokens, or leave guidance_scale out");
        assertThatCode(() -> AvailableMemory.requireNegativePrompt(1, 1, "m", 512))
                .doesNotThrowAnyException();
    }

    @Test
    void require_tooLittle_saysNeededAndFree() {
        assertThatThrownBy(() -> AvailableMemory.require(
                        17_100_000_000L, 11_000_000_000L, "qwen2.5-7b", Dtype.BFLOAT16, 32_768, Device.cpu()))
                .isInstanceOf(ModelFolderException.class)
                .hasMessage(
                        "qwen2.5-7b needs 17.1 GB in bfloat16 on cpu for its weights and a context of 32768 tokens, 11.0 GB"
                                + " free; take a shorter context, a smaller model or a machine with more memory.");
        assertThatThrownBy(() -> AvailableMemory.require(2L << 30, 1L << 30, "m", Dtype.FLOAT32, 64, Device.gpu(1)))
                .hasMessage("m needs 2.1 GB in float32 on gpu1 for its weights and a context of 64 tokens, 1.1 GB free;"
                        + " load it as bfloat16, or take a shorter context or a smaller model.");
    }

    @Test
    void require_enough_passes() {
        assertThatCode(() -> AvailableMemory.require(1, 1, "m", Dtype.FLOAT32, 64, Device.cpu()))
                .doesNotThrowAnyException();
    }

    @Test
    void of_thisMachine_isPlausible() {
        assertThat(AvailableMemory.of(Device.cpu())).isBetween(1L << 20, 1L << 50);
    }

    @Test
    void leftInContainer_isLimitMinusUse_withoutThePageCache(@TempDir Path cgroup) throws IOException {
        assertThat(AvailableMemory.leftInContainer(cgroup)).isEqualTo(Long.MAX_VALUE);
        Files.writeString(cgroup.resolve("memory.max"), "max\n");
        assertThat(AvailableMemory.leftInContainer(cgroup)).isEqualTo(Long.MAX_VALUE);
        Files.writeString(cgroup.resolve("memory.max"), "8000\n");
        Files.writeString(cgroup.resolve("memory.current"), "6000\n");
        Files.writeString(cgroup.resolve("memory.stat"), "anon 4500\nfile 1500\ninactive_file 1000\nactive_file 500\n");
        assertThat(AvailableMemory.leftInContainer(cgroup)).isEqualTo(3500);

        Path version1 = Files.createDirectory(cgroup.resolve("memory"));
        Files.writeString(version1.resolve("memory.limit_in_bytes"), "5000\n");
        Files.writeString(version1.resolve("memory.usage_in_bytes"), "3000\n");
        Files.writeString(
                version1.resolve("memory.stat"),
                "active_file 1\ninactive_file 2\ntotal_inactive_file 300\ntotal_active_file 200\n");
        assertThat(AvailableMemory.leftInContainer(cgroup)).isEqualTo(2500);
    }

    @Test
    void open_contextThatDoesNotFit_isRefusedBeforeLoading(@TempDir Path folder) {
        TinyQwen2.copyTo(folder);
        TinyQwen2.replaceInConfig(
                folder, "\"max_position_embeddings\": 1024", "\"max_position_embeddings\": 2000000000");
        assertThatThrownBy(() -> DjlEngine.open(folder))
                .isInstanceOf(ModelFolderException.class)
                .hasMessageContaining(" for its weights and a context of 2000000000 tokens, ");
    }

    @Test
    void cache_ofAFullContextOfQwen25_7b_takes1Point9Gigabytes() {
        var config = new Qwen2Config(152_064, 3_584, 18_944, 28, 28, 4, 128, 32_768, 1e-6, 1e6, false);
        assertThat(KvCache.bytes(config, 32_768, Dtype.BFLOAT16)).isEqualTo(2L * 28 * 4 * 128 * 32_768 * 2);
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
