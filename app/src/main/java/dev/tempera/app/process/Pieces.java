package dev.tempera.app.process;

import dev.tempera.InvalidParametersException;
import dev.tempera.Vocabulary;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** A vocabulary of which a case says the text of every token. */
record Pieces(List<String> texts) implements Vocabulary {
    @Override
    public int rows() {
        return texts.size();
    }

    @Override
    public boolean isToken(int tokenId) {
        return tokenId >= 0 && tokenId < texts.size();
    }

    @Override
    public byte[] bytes(int tokenId) {
        return texts.get(tokenId).getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public int[] encode(String text) {
        throw new InvalidParametersException("a case has no tokenizer to encode \"" + text + "\"");
    }
}
