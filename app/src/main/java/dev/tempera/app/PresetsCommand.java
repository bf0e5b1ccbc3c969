package dev.tempera.app;

import dev.tempera.presets.LocalizedText;
import dev.tempera.presets.Preset;
import dev.tempera.presets.Presets;
import dev.tempera.presets.SamplingParametersJson;
import dev.tempera.presets.SystemPrompt;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code tempera presets}: where to start for what. */
@Command(name = "presets", description = "List the presets, or show one with its parameters, range and source.")
final class PresetsCommand implements Callable<Integer> {
    private final Environment environment;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(
            arity = "0..1",
            paramLabel = "NAME",
            description = "A preset: its name, its title in Chinese or English, or an alias.")
    private @Nullable String name;

    @Mixin
    private PresetFileOption file = new PresetFileOption();

    @Mixin
    private LanguageOption languageOption = new LanguageOption();

    private Language language = Language.EN;

    PresetsCommand(Environment environment) {
        this.environment = environment;
    }

    @Override
    public Integer call() {
        language = languageOption.language(environment.variables());
        Presets presets = file.presets();
        if (name == null) {
            list(presets);
        } else {
            show(presets.find(name));
        }
        out().flush();
        return 0;
    }

    private void list(Presets presets) {
        row(
                language.say("名称", "name"),
                language.say("推荐温度", "temperature"),
                language.say("用途", "for"),
                language.say("参数", "parameters"));
        for (Preset preset : presets.all()) {
            row(preset.name(), range(preset), text(preset.title()), SamplingParametersJson.write(preset.parameters()));
        }
    }

    private void row(String name, String range, String title, String parameters) {
        out().println(DisplayWidth.pad(name, 20)
                + DisplayWidth.pad(range, 13)
                + DisplayWidth.pad(title, 31)
                + parameters);
    }

    private void show(Preset preset) {
        out().println(preset.name() + language.say("：", ": ") + text(preset.title()));
        out().println(text(preset.description()));
        out().println(text(preset.hint()));
        out().println();
        line(language.say("参数", "parameters"), SamplingParametersJson.write(preset.parameters()));
        line(language.say("推荐温度", "temperature"), range(preset));
        SystemPrompt prompt = preset.systemPrompt();
        if (prompt != null) {
            line(
                    language.say("系统提示", "system prompt"),
                    text(prompt.text())
                            + language.say("（第 ", " (version ")
                            + prompt.version()
                            + language.say(" 版）", ")"));
        }
        line(language.say("别名", "aliases"), String.join(", ", preset.aliases()));
        line(language.say("来源", "source"), preset.source());
    }

    private void line(String name, String value) {
        if (!value.isEmpty()) {
            out().println(DisplayWidth.pad(name, 15) + value);
        }
    }

    private static String range(Preset preset) {
        return preset.temperatureRange().toString();
    }

    private String text(LocalizedText text) {
        return text.in(language.locale());
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
