/**
 * Sampling parameters for scenarios, with the range of temperatures that suits each and a system prompt: start with
 * {@link dev.tempera.presets.Presets#get}.
 */
@NullMarked
package dev.tempera.presets;

import org.jspecify.annotations.NullMarked;
