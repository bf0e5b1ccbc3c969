package dev.tempera.app;

import dev.tempera.presets.Presets;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --preset-file}: presets of one's own beside the built-in ones. */
final class PresetFileOption {
    @Option(
            names = "--preset-file",
            paramLabel = "FILE",
            description = "A JSON file with presets of your own; they override built-in ones of the same name.")
    private @Nullable Path file;

    boolean isGiven() {
        return file != null;
    }

    Presets presets() {
        return file == null ? Presets.builtIn() : Presets.load(file);
    }
}
