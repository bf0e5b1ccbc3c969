package dev.tempera.presets;

import java.util.Locale;

/** A text for people in English and Chinese. Immutable and thread-safe. */
public record LocalizedText(String en, String zh) {
    /** Chinese for any Chinese locale, else English. */
    public String in(Locale locale) {
        return locale.getLanguage().equals("zh") ? zh : en;
    }
}
