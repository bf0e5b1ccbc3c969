/** Logits, the processors that reshape them, and the sampler that draws the next token. */
@NullMarked
package dev.tempera;

import org.jspecify.annotations.NullMarked;
