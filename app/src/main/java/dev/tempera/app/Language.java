package dev.tempera.app;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The language in which the program talks to people. */
enum Language {
    ZH,
    EN;

    /** By the locale of the process; {@code C} and {@code C.UTF-8} say nothing about language. */
    static Language of(Map<String, String> variables) {
        for (String name : List.of("LC_ALL", "LC_MESSAGES", "LANG")) {
            String locale = variables.getOrDefault(name, "");
            if (!locale.isEmpty() && !locale.matches("(C|POSIX)([.@].*)?")) {
                return of(locale);
            }
        }
        return of(Locale.getDefault().getLanguage());
    }

    private static Language of(String locale) {
        return locale.startsWith("zh") ? ZH : EN;
    }

    Locale locale() {
        return this == ZH ? Locale.CHINESE : Locale.ENGLISH;
    }

    String say(String chinese, String english) {
        return this == ZH ? chinese : english;
    }
}
