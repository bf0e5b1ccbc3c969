/** A small Qwen2 checkpoint trained on Tang poems. */
@NullMarked
package dev.tempera.samplemodel;

import org.jspecify.annotations.NullMarked;
