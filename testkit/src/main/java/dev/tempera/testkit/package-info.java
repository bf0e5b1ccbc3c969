/** Contract tests for logits processors and generation engines. */
@NullMarked
package dev.tempera.testkit;

import org.jspecify.annotations.NullMarked;
