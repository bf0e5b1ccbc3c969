/** Diversity and quality figures for generated texts. */
@NullMarked
package dev.tempera.evaluation;

import org.jspecify.annotations.NullMarked;
