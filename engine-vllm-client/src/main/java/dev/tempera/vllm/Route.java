package dev.tempera.vllm;

/** Where a generation is asked for; the three want and give different JSON. */
enum Route {
    /** Token ids in, token ids out. */
    GENERATE("/inference/v1/generate"),
    COMPLETIONS("/v1/completions"),
    CHAT("/v1/chat/completions");

    private final String path;

    Route(String path) {
        this.path = path;
    }

    String path() {
        return path;
    }
}
