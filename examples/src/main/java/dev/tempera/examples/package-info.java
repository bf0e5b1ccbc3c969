/** Small programs, one main class each. */
@NullMarked
package dev.tempera.examples;

import org.jspecify.annotations.NullMarked;
