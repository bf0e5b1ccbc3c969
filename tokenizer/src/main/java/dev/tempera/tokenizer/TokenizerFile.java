package dev.tempera.tokenizer;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import dev.tempera.TemperaException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What we read of {@code tokenizer.json} ourselves: the tokens and how they become text. */
record TokenizerFile(
        @JsonProperty("added_tokens") @Nullable List<AddedToken> addedTokens,
        @Nullable Model model,
        @Nullable JsonNode decoder) {

    /** A row of any known model stays far below; a larger id is damage and would only allocate. */
    private static final int LARGEST_ID = 1 << 24;

    record AddedToken(int id, @Nullable String content, boolean special) {}

    /** @param vocab token to id, or for a unigram model a list of pairs whose place is the id */
    record Model(@Nullable JsonNode vocab) {}

    /** The tokens by id, null where there is a gap. */
    @Nullable
    String[] tokens(Path file) {
        Tokens tokens = new Tokens(file);
        JsonNode vocab = model == null ? null : model.vocab();
        if (vocab != null && vocab.isObject()) {
            for (Map.Entry<String, JsonNode> entry : vocab.properties()) {
                tokens.put(
                        entry.getValue().isIntegralNumber() ? entry.getValue().longValue() : -1, entry.getKey());
            }
        } else if (vocab != null && vocab.isArray()) {
            for (int id = 0; id < vocab.size(); id++) {
                tokens.put(id, vocab.path(id).path(0).asText());
            }
        } else {
            throw new TemperaException(file + " is damaged: it has no model.vocab. Get the file again.");
        }
        for (AddedToken added : addedTokens()) {
            if (added == null) {
                throw new TemperaException(file + " is damaged: an added token is null. Get the file again.");
            }
            tokens.put(added.id(), added.content());
        }
        return tokens.byId.toArray(new @Nullable String[0]);
    }

    @Override
    public List<AddedToken> addedTokens() {
        return addedTokens == null ? List.of() : addedTokens;
    }

    private static final class Tokens {
        private final Path file;
        private final List<@Nullable String> byId = new ArrayList<>();

        Tokens(Path file) {
            this.file = file;
        }

        void put(long id, @Nullable String token) {
            if (id < 0 || id > LARGEST_ID || token == null) {
                throw new TemperaException(file + " is damaged: the token \"" + token + "\" has no id between 0 and "
                        + LARGEST_ID + ". Get the file again.");
            }
            if (id >= byId.size()) {
                byId.addAll(Arrays.asList(new String[(int) id + 1 - byId.size()]));
            }
            byId.set((int) id, token);
        }
    }
}
