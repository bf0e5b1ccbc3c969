/** {@code tempera process}: test cases of other implementations, in their own names, run by this library's processors. */
@NullMarked
package dev.tempera.app.process;

import org.jspecify.annotations.NullMarked;
