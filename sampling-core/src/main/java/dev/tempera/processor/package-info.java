/** Every processor that this library offers: one record each, named after its parameter. */
@NullMarked
package dev.tempera.processor;

import org.jspecify.annotations.NullMarked;
