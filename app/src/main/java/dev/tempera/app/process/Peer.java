package dev.tempera.app.process;

/** Whose names a case uses. */
enum Peer {
    VLLM("vllm", "vllm", new VllmNames()),
    TRANSFORMERS("transformers", "transformers", new TransformersNames()),
    LLAMA_CPP("llama-cpp", "llama.cpp", new LlamaCppNames());

    private final String option;
    private final String caseName;
    private final PeerNames names;

    Peer(String option, String caseName, PeerNames names) {
        this.option = option;
        this.caseName = caseName;
        this.names = names;
    }

    /** As {@code --dialect} takes it. */
    String option() {
        return option;
    }

    /** As the field {@code peer} of a case has it. */
    String caseName() {
        return caseName;
    }

    PeerNames names() {
        return names;
    }
}
