/**
 * Control over how a language model samples: {@link dev.tempera.SamplingParameters} says what is wanted,
 * {@link dev.tempera.SamplingPipeline} is the ordered list of {@link dev.tempera.LogitsProcessor}s and the
 * {@link dev.tempera.Sampler} that it compiles to, {@link dev.tempera.SequenceSampler} runs it on one sequence.
 *
 * <p>Everything a user builds is immutable and thread-safe; everything that runs belongs to one thread at a time.
 */
@NullMarked
package dev.tempera;

import org.jspecify.annotations.NullMarked;
