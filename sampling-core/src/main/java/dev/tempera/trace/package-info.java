/**
 * Why a token was drawn, and what other parameters would have done: {@link dev.tempera.trace.Tracer} records,
 * {@link dev.tempera.trace.WhatIf} and {@link dev.tempera.trace.Reweighting} calculate without a model.
 */
@NullMarked
package dev.tempera.trace;

import org.jspecify.annotations.NullMarked;
