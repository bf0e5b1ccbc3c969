package dev.tempera.vllm;

import java.util.Map;

/** Makes the JSON of requests. */
final class RequestBody {
    private RequestBody() {}

    static byte[] of(SendableRequest request) {
        throw new UnsupportedOperationException();
    }

    /** @param options further fields such as add_special_tokens, add_generation_prompt, tools */
    static byte[] tokenize(PromptBody prompt, Map<String, ?> options) {
        throw new UnsupportedOperationException();
    }

    static byte[] detokenize(java.util.List<Integer> tokenIds) {
        throw new UnsupportedOperationException();
    }
}
