package dev.tempera.app;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Who sits at the other end of standard input and output. Asked only by commands that care: it starts processes. */
interface Terminal {
    /** Whether standard input is a keyboard. */
    boolean readsKeyboard();

    /** Width of the screen that standard output goes to; 0 when it goes elsewhere and nobody said a width. */
    int columns();

    /** The process's own: {@code COLUMNS}, where set, is the width. */
    static Terminal ofProcess(Map<String, String> variables) {
        return new Terminal() {
            @Override
            public boolean readsKeyboard() {
                return succeeds(List.of("test", "-t", "0"));
            }

            @Override
            public int columns() {
                int said = positive(variables.getOrDefault("COLUMNS", ""));
                if (said > 0) {
                    return said;
                }
                return succeeds(List.of("test", "-t", "1")) ? screenWidth() : 0;
            }
        };
    }

    // The JDK tells neither of the two streams alone, nor the width.
    private static boolean succeeds(List<String> command) {
        try {
            return new ProcessBuilder(command).inheritIO().start().waitFor() == 0;
        } catch (IOException e) {
            // No such program (Windows): true only if both streams are a console.
            return System.console() != null;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static int screenWidth() {
        try {
            Process stty = new ProcessBuilder("sh", "-c", "stty size </dev/tty")
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String size = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            stty.waitFor(1, TimeUnit.SECONDS);
            int columns = positive(size.strip().replaceFirst("^\\d+ ", ""));
            return columns > 0 ? columns : 80;
        } catch (IOException e) {
            return 80;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 80;
        }
    }

    private static int positive(String text) {
        try {
            return Math.max(0, Integer.parseInt(text));
        } catch (NumberFormatException e) {
            return 0;
        }
    }
}
