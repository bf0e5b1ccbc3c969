package dev.tempera.app;

import dev.tempera.engine.GenerationEngine;

/** Where to generate, with which model, and how. */
sealed interface ModelChoice permits DjlChoice, VllmChoice {
    GenerationEngine open();
}
