/** Figures for generated texts: how much they differ from each other ({@link dev.tempera.evaluation.Diversity}). */
@NullMarked
package dev.tempera.evaluation;

import org.jspecify.annotations.NullMarked;
