package dev.tempera.testkit.vllm;

import java.util.List;

/** A response as it was sent once, in the pieces in which it was. */
record Rendering(List<byte[]> pieces, int tokens) {}
