package dev.tempera.vllm;

/** Who turns a conversation into the text that the model continues. */
public enum ChatRendering {
    /** Here, by {@link VllmEngineBuilder#chatTemplate}, for {@link VllmEngineBuilder#tokenizer}. */
    LOCAL,
    /**
     * The server, by the template that it was started with. Where the engine has a tokenizer the server is asked for the
     * ids ({@code /tokenize}), one short request more; conversations with tools go to {@code /v1/chat/completions},
     * whose tool parser reads the answer.
     */
    SERVER
}
