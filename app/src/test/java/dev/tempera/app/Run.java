package dev.tempera.app;

import dev.tempera.engine.GenerationEngine;
import dev.tempera.testkit.ScriptedEngine;
import java.io.ByteArrayInputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** One run of the program within this JVM: its exit code and what it wrote. */
record Run(int exitCode, String out, String err) {
    /** Somebody at a keyboard before a screen of so many columns; 0 for a pipe on both sides. */
    record Screen(boolean readsKeyboard, int columns) implements Terminal {}

    static Run of(String... arguments) {
        return with(ScriptedEngine.saying("春眠不觉晓，处处闻啼鸟。"), "", arguments);
    }

    static Run with(GenerationEngine engine, String input, String... arguments) {
        return with(engine, new Screen(false, 0), input, arguments);
    }

    static Run with(GenerationEngine engine, Terminal terminal, String input, String... arguments) {
        return in(
                new Environment(
                        new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
                        Map.of("LANG", "en_US.UTF-8"),
                        terminal,
                        folder -> engine),
                arguments);
    }

    static Run in(Environment environment, String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = Tempera.commandLine(environment, () -> false)
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(arguments);
        return new Run(exitCode, out.toString(), err.toString());
    }
}
