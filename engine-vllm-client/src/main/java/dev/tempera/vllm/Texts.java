package dev.tempera.vllm;

import java.time.Duration;

/** Values as messages show them. */
final class Texts {
    private Texts() {}

    /** {@code 1.5 s}, {@code 20 ms}. */
    static String of(Duration duration) {
        long millis = duration.toMillis();
        return millis < 1000
                ? millis + " ms"
                : (millis % 1000 == 0 ? String.valueOf(millis / 1000) : String.valueOf(millis / 1000.0)) + " s";
    }
}
