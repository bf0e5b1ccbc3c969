/** A generation engine that decodes Qwen2 models inside the JVM, on DJL and libtorch. */
@NullMarked
package dev.tempera.djl;

import org.jspecify.annotations.NullMarked;
