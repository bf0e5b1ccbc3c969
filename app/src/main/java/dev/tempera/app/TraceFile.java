package dev.tempera.app;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tempera.InvalidParametersException;
import dev.tempera.trace.SamplingTrace;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A trace as JSON lines: what holds for all steps, then each step. */
final class TraceFile {
    private static final ObjectMapper JSON = new ObjectMapper();

    private TraceFile() {}

    /** Opens the file before anything is generated for it. */
    static Writer create(String file) {
        try {
            return Files.newBufferedWriter(Path.of(file));
        } catch (IOException | InvalidPathException e) {
            throw new InputException("cannot write the trace to " + file + ": " + reason(file, e));
        }
    }

    static void write(SamplingTrace trace, Writer to, String file) {
        try (to) {
            for (Map<String, Object> line : trace.toMaps()) {
                to.write(JSON.writeValueAsString(line));
                to.write('\n');
            }
        } catch (IOException e) {
            throw new InputException("cannot write the trace to " + file + ": " + reason(file, e));
        }
    }

    static SamplingTrace read(String file) {
        List<Map<String, Object>> lines = new ArrayList<>();
        try (BufferedReader reader = Files.newBufferedReader(Path.of(file))) {
            for (@Nullable String line = reader.readLine(); line != null; line = reader.readLine()) {
                if (!line.isBlank()) {
                    lines.add(object(line, lines.size() + 1, file));
                }
            }
        } catch (IOException | InvalidPathException e) {
            throw new InputException("cannot read the trace " + file + ": " + reason(file, e));
        }
        try {
            return SamplingTrace.fromMaps(lines);
        } catch (InvalidParametersException e) {
            throw new InputException(file + ": " + e.getMessage());
        }
    }

    private static Map<String, Object> object(String line, int number, String file) {
        @Nullable Map<String, Object> object;
        try {
            object = JSON.readValue(line, new TypeReference<>() {});
        } catch (JsonProcessingException e) {
            object = null;
        }
        if (object == null) { // the line "null" is read as null
            throw new InputException(file + ": line " + number + " is no JSON object: it is not, or not the whole of,"
                    + " what tempera generate --trace-file writes");
        }
        return object;
    }

    /** Why a file cannot be read or written, in words. */
    static String reason(String file, Exception e) {
        if (e instanceof NoSuchFileException) {
            return "no such file or folder";
        }
        if (e instanceof java.nio.charset.CharacterCodingException) {
            return "it is not text in UTF-8";
        }
        if (!(e instanceof InvalidPathException) && Files.isDirectory(Path.of(file))) {
            return "it is a folder";
        }
        return e.getClass().getSimpleName().replaceFirst("Exception$", "") + " (" + e.getMessage() + ")";
    }
}
