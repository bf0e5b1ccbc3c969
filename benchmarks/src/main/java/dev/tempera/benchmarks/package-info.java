/** JMH benchmarks of the sampling chains. */
@NullMarked
package dev.tempera.benchmarks;

import org.jspecify.annotations.NullMarked;
