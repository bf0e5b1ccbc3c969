package dev.tempera.vllm;

import dev.tempera.engine.TokenDecoder;

/** Decodes nothing: the text is the server's. */
final class ServerText implements TokenDecoder {
    static final TokenDecoder DECODER = new ServerText();

    private ServerText() {}

    @Override
    public String append(int tokenId) {
        return "";
    }

    @Override
    public String flush() {
        return "";
    }
}
