/** Somebody's own processor: the code of docs/write-a-processor.md. */
@NullMarked
package com.example.shortsentences;

import org.jspecify.annotations.NullMarked;
