package dev.tempera.app;

import dev.tempera.engine.GenerationEngine;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** {@code --engine}, {@code --model} and how to run it. */
final class ModelOptions {
    private static final String DJL = "djl:";

    @Option(
            names = "--engine",
            paramLabel = "djl:FOLDER",
            description = "The engine and its model. djl runs a model folder in this process.")
    private @Nullable String engine;

    @Option(
            names = "--model",
            paramLabel = "FOLDER",
            description = "A Qwen2 or Qwen2.5 folder in Hugging Face layout, the same as --engine djl:FOLDER."
                    + " Without either: the small sample model, which writes Tang poems.")
    private @Nullable String model;

    @ArgGroup(validate = false, order = 10, heading = "%nA model in this process:%n")
    private DjlOptions djl = new DjlOptions();

    GenerationEngine open(EngineOpener engines) {
        return engines.open(choice());
    }

    ModelChoice choice() {
        if (engine == null) {
            return djl.of(model == null ? null : folder("--model must name a folder", model, model));
        }
        if (model != null) {
            throw new InputException("give either --engine or --model, not both");
        }
        if (engine.startsWith(DJL) && engine.length() > DJL.length()) {
            return djl.of(folder("--engine must be djl:FOLDER", engine, engine.substring(DJL.length())));
        }
        throw new InputException("--engine must be djl:FOLDER, got " + engine);
    }

    boolean isSampleModel() {
        return engine == null && model == null;
    }

    private static Path folder(String rule, String typed, String name) {
        if (name.isBlank()) {
            throw new InputException(rule + ", got \"" + typed + "\"");
        }
        try {
            return Path.of(name);
        } catch (InvalidPathException e) {
            throw new InputException(rule + ", got " + typed + " (" + e.getReason() + ")");
        }
    }
}
