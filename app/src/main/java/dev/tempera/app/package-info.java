/** The {@code tempera} program. */
@NullMarked
package dev.tempera.app;

import org.jspecify.annotations.NullMarked;
