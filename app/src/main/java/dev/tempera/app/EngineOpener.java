package dev.tempera.app;

import dev.tempera.engine.GenerationEngine;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Loads a model folder; null stands for the sample model. */
@FunctionalInterface
interface EngineOpener {
    GenerationEngine open(@Nullable Path folder);
}
