package dev.tempera.vllm;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What goes to the server, in vLLM's names. {@link RequestBody} makes the JSON.
 *
 * @param sampling what vLLM calls sampling parameters, complete: temperature, top_p, ..., logit_bias, structured_outputs,
 *     vllm_xargs; {@link Route#GENERATE} has them in an object of their own
 * @param other the rest: model, stream, stream_options, cache_salt, priority, tools, ...
 */
record SendableRequest(
        Route route, SortedMap<String, Object> sampling, SortedMap<String, Object> other, PromptBody prompt) {
    SendableRequest {
        sampling = Collections.unmodifiableSortedMap(new TreeMap<>(sampling));
        other = Collections.unmodifiableSortedMap(new TreeMap<>(other));
    }
}
