package dev.tempera.app;

import dev.tempera.djl.Dtype;
import dev.tempera.engine.GenerationEngine;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --engine}, {@code --model} and how to run it. */
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

    @Option(names = "--device", paramLabel = "NAME", description = "cpu, gpu or gpu1; the first GPU if there is one.")
    private @Nullable String device;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            converter = DtypeConverter.class,
            description = "Weights in memory as bfloat16, float16 or float32; as they are stored if not given.")
    private @Nullable Dtype dtype;

    @Option(
            names = "--context-length",
            paramLabel = "N",
            description = "Tokens of prompt and text together; as many as the model knows if not given.")
    private @Nullable Integer contextLength;

    @Option(names = "--threads", paramLabel = "N", description = "Threads of one operation on the CPU.")
    private @Nullable Integer threads;

    GenerationEngine open(EngineOpener engines) {
        return engines.open(new ModelChoice(folder(), device, dtype, contextLength, threads));
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
