package dev.tempera.app;

import dev.tempera.presets.Preset;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code --preset}: the parameters to start from. */
final class PresetOption {
    @Option(
            names = "--preset",
            paramLabel = "NAME",
            description = "Start from a preset's parameters; tempera presets lists them.")
    private @Nullable String name;

    @Mixin
    private PresetFileOption file = new PresetFileOption();

    /** The preset that was asked for; null if none was. */
    @Nullable
    Preset asked() {
        return name == null ? null : named(name);
    }

    Preset orDefault() {
        return named(name == null ? "default" : name);
    }

    Preset named(String name) {
        return file.presets().find(name);
    }
}
