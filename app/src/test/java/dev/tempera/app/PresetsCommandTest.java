package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.presets.Preset;
import dev.tempera.presets.Presets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PresetsCommandTest {
    @Test
    void list_hasEveryPreset() {
        for (Preset preset : Presets.builtIn().all()) {
            assertThat(Run.of("presets").out())
                    .contains(preset.name(), preset.title().en());
            assertThat(Run.of("presets", "--lang=zh").out())
                    .contains(preset.title().zh());
        }
    }

    @Test
    void one_isShownWithRangeAndSource() {
        Run run = Run.of("presets", "客服");
        assertThat(run.out()).startsWith("customer-service: ").contains("0.1 to 0.5", "\"top_p\":0.9", "source ");
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void unknown_listsTheKnown() {
        Run run = Run.of("presets", "poetry-slam");
        assertThat(run.err())
                .startsWith("tempera: no preset is named \"poetry-slam\"")
                .contains("creative-writing");
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(Run.of("generate", "x", "--preset", "codin").err()).contains("did you mean \"coding\"?");
    }

    @Test
    void ownFile_comesOnTop(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(folder.resolve("mine.json"), """
                {"presets": [{"name": "haiku", "temperature_range": [0.5, 0.9], "parameters": {"temperature": 0.8}}]}
                """);
        assertThat(Run.of("presets", "--preset-file=" + file).out()).contains("haiku", "default");
        assertThat(Run.of("generate", "x", "--preset-file=" + file).err())
                .isEqualTo("tempera: --preset-file needs --preset: name the preset to start from"
                        + System.lineSeparator());
        Run run = Run.of("generate", "x", "--preset-file=" + file, "--preset=haiku", "--temperature=0.3");
        assertThat(run.err())
                .startsWith("warning: temperature 0.3 is below the range 0.5 to 0.9 that preset haiku recommends");
        assertThat(run.exitCode()).isZero();
    }
}
