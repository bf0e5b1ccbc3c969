package dev.tempera.app;

import dev.tempera.engine.GenerationEngine;

/** Loads a model. */
@FunctionalInterface
interface EngineOpener {
    GenerationEngine open(ModelChoice model);
}
