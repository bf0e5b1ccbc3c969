/**
 * The contract between an application and whatever runs a model: {@link dev.tempera.engine.GenerationEngine}, its
 * requests, streams and results; and what an engine needs of a tokenizer.
 */
@NullMarked
package dev.tempera.engine;

import org.jspecify.annotations.NullMarked;
