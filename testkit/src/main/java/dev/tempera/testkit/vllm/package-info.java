/**
 * Stand-ins for a vLLM server, to test clients without a model: {@link dev.tempera.testkit.vllm.FakeVllm} generates, in
 * every dialect and with every {@link dev.tempera.testkit.vllm.Fault}; {@link dev.tempera.testkit.vllm.RecordedVllm}
 * plays back what a real server said.
 */
@NullMarked
package dev.tempera.testkit.vllm;

import org.jspecify.annotations.NullMarked;
