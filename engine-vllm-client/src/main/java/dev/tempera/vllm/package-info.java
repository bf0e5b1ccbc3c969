/** A client of remote vLLM servers that keeps the meaning of every parameter, or says that it cannot. */
@NullMarked
package dev.tempera.vllm;

import org.jspecify.annotations.NullMarked;
