package dev.tempera.trace;

import dev.tempera.InvalidParametersException;
import dev.tempera.Vocabulary;
import java.util.Set;

/** What a trace knows of its vocabulary. */
final class TraceVocabulary implements Vocabulary {
    private final int rows;
    private final Set<Integer> markup;

    TraceVocabulary(SamplingTrace.Header header) {
        rows = header.rows();
        markup = Set.copyOf(header.markupTokenIds());
    }

    @Override
    public int rows() {
        return rows;
    }

    /** Which rows are none the trace does not tell: they are in none of its figures. */
    @Override
    public boolean isToken(int tokenId) {
        return tokenId >= 0 && tokenId < rows;
    }

    @Override
    public boolean isMarkup(int tokenId) {
        return markup.contains(tokenId);
    }

    @Override
    public int[] encode(String text) {
        throw new InvalidParametersException("a trace has no tokenizer: give token ids instead of \"" + text + "\"");
    }
}
