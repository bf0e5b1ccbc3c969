package dev.tempera.djl;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Reads the JSON files of a model folder strictly: duplicate names and trailing text are errors, not guesses. */
final class Json {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Json() {}

    static JsonNode readObject(Path file) {
        if (!Files.exists(file)) {
            throw new ModelFolderException(file + " is missing. A model folder holds config.json, tokenizer.json,"
                    + " tokenizer_config.json and model.safetensors (or its shards), as on Hugging Face.");
        }
        try {
            return parseObject(Files.readAllBytes(file), file.toString());
        } catch (IOException e) {
            throw ModelFolderException.unreadable(file, e);
        }
    }

    /** @param source how messages name the text */
    static JsonNode parseObject(byte[] text, String source) {
        JsonNode json;
        try {
            json = MAPPER.readTree(text);
        } catch (JsonProcessingException e) {
            throw new ModelFolderException(source + " is not valid JSON: " + e.getOriginalMessage());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (!json.isObject()) {
            throw new ModelFolderException(source + " must hold a JSON object, found "
                    + json.getNodeType().name().toLowerCase(Locale.ROOT) + ".");
        }
        return json;
    }
}
