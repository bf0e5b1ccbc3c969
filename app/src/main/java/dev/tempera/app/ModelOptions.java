package dev.tempera.app;

import dev.tempera.engine.GenerationEngine;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --engine} and {@code --model}: what generates. */
final class ModelOptions {
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

    GenerationEngine open(EngineOpener engines) {
        return engines.open(folder());
    }

    boolean isSampleModel() {
        return engine == null && model == null;
    }

    private @Nullable Path folder() {
        if (engine != null && model != null) {
            throw new InputException("give either --engine or --model, not both");
        }
        if (engine != null) {
            if (!engine.startsWith("djl:") || engine.length() == "djl:".length()) {
                throw new InputException("--engine must be djl:FOLDER, got " + engine);
            }
            return folder("--engine must be djl:FOLDER", engine, engine.substring("djl:".length()));
        }
        return model == null ? null : folder("--model must name a folder", model, model);
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
