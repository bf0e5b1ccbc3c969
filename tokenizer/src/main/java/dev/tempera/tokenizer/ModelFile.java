package dev.tempera.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tempera.TemperaException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads the files of a model's folder; every failure names the file and what to do. */
final class ModelFile {
    private static final JsonMapper JSON = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private ModelFile() {}

    static byte[] read(Path file) {
        Path folder = file.toAbsolutePath().resolveSibling("");
        if (!Files.isDirectory(folder)) {
            throw new TemperaException("The model folder " + folder
                    + (Files.exists(folder) ? " is a file, not a folder" : " does not exist")
                    + ". Give the folder that holds the model's tokenizer.json.");
        }
        if (!Files.exists(file)) {
            throw new TemperaException(file + " is missing. A model's folder holds config.json, tokenizer.json,"
                    + " tokenizer_config.json and the weights, as on Hugging Face.");
        }
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new TemperaException(file + " cannot be read: " + e, e);
        }
    }

    /** Unknown names are left out: these files belong to other programs, which add to them. */
    static <T> T parse(byte[] json, Path file, Class<T> type) {
        try {
            T value = JSON.readValue(json, type);
            if (value != null) {
                return value;
            }
        } catch (JsonProcessingException e) {
            throw damaged(file, e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw damaged(file, e.toString(), e);
        }
        throw new TemperaException(file + " is damaged: it holds null instead of an object.");
    }

    static TemperaException damaged(Path file, String why, Throwable cause) {
        return new TemperaException(file + " is damaged: " + why + ". Get the file again.", cause);
    }
}
