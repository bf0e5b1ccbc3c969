package dev.tempera.app;

import java.util.Map;
import picocli.CommandLine.Option;

/** {@code --lang}. */
final class LanguageOption {
    /** What can be asked for. */
    enum Choice {
        zh,
        en,
        auto
    }

    @Option(
            names = "--lang",
            paramLabel = "zh|en|auto",
            defaultValue = "auto",
            description = "Language of headings, hints and a preset's system prompt; auto follows LANG.")
    private Choice choice = Choice.auto;

    Language language(Map<String, String> variables) {
        return switch (choice) {
            case zh -> Language.ZH;
            case en -> Language.EN;
            case auto -> Language.of(variables);
        };
    }
}
