/** Sampling parameters for scenarios, each with its source and recommended range. */
@NullMarked
package dev.tempera.presets;

import org.jspecify.annotations.NullMarked;
