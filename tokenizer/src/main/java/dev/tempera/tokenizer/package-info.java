/** Hugging Face {@code tokenizer.json} and chat templates. */
@NullMarked
package dev.tempera.tokenizer;

import org.jspecify.annotations.NullMarked;
