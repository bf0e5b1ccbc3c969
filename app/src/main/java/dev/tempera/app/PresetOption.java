package dev.tempera.app;

import dev.tempera.presets.Preset;
import dev.tempera.presets.SystemPrompt;
import java.util.List;
import java.util.Map;
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
        if (name == null && file.isGiven()) {
            file.presets(); // If the file is wrong too, that is what to mend first.
            throw new InputException("--preset-file needs --preset: name the preset to start from");
        }
        return name == null ? null : named(name);
    }

    Preset orDefault() {
        return named(name == null ? "default" : name);
    }

    Preset named(String name) {
        return file.presets().find(name);
    }

    /** What to tell the model first: what was typed, else what the preset says; null for nothing. */
    static @Nullable String systemPrompt(@Nullable String typed, Preset preset, Language language) {
        SystemPrompt prompt = preset.systemPrompt();
        if (typed != null || prompt == null) {
            return typed;
        }
        List<String> placeholders = prompt.placeholders(language.locale());
        if (!placeholders.isEmpty()) {
            throw new InputException("preset " + preset.name() + " needs --system: its system prompt has {"
                    + String.join("}, {", placeholders) + "} to fill in: "
                    + prompt.text().in(language.locale()));
        }
        return prompt.render(language.locale(), Map.of());
    }
}
