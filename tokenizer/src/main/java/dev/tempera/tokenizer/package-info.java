/**
 * Hugging Face tokenizers and chat templates, offline, from a model's folder: {@link
 * dev.tempera.tokenizer.ModelTokenizer} and {@link dev.tempera.tokenizer.JinjaChatTemplate}.
 */
@NullMarked
package dev.tempera.tokenizer;

import org.jspecify.annotations.NullMarked;
