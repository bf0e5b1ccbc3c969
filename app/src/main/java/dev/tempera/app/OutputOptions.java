package dev.tempera.app;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.StructuredOutput;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The shape that a text must have. */
final class OutputOptions {
    @Option(names = "--json-schema", paramLabel = "FILE", description = "JSON that the schema in the file accepts.")
    private @Nullable Path jsonSchema;

    @Option(names = "--json-object", description = "Any JSON object.")
    private boolean jsonObject;

    @Option(names = "--regex", paramLabel = "REGEX", description = "Text that matches from beginning to end.")
    private @Nullable String regex;

    @Option(names = "--choice", paramLabel = "TEXT", description = "One of the texts. Repeatable.")
    private List<String> choices = new ArrayList<>();

    @Option(names = "--grammar", paramLabel = "FILE", description = "Text of the grammar in the file, in EBNF.")
    private @Nullable Path grammar;

    EngineOptions engineOptions() {
        List<StructuredOutput> given = new ArrayList<>();
        if (jsonSchema != null) {
            given.add(new StructuredOutput.JsonSchema(schema(jsonSchema)));
        }
        if (jsonObject) {
            given.add(new StructuredOutput.JsonObject());
        }
        if (regex != null) {
            given.add(new StructuredOutput.Regex(regex));
        }
        if (!choices.isEmpty()) {
            given.add(new StructuredOutput.Choice(choices));
        }
        if (grammar != null) {
            given.add(new StructuredOutput.Grammar(read("--grammar", grammar)));
        }
        if (given.size() > 1) {
            throw new InputException(
                    "a text has one shape: give one of --json-schema, --json-object, --regex, --choice, --grammar");
        }
        EngineOptions.Builder options = EngineOptions.builder();
        given.forEach(options::structuredOutput);
        return options.build();
    }

    private static Map<String, Object> schema(Path file) {
        try {
            return new ObjectMapper().readValue(read("--json-schema", file), new TypeReference<>() {});
        } catch (JsonProcessingException e) {
            throw new InputException("--json-schema: " + file + " is not a JSON object: " + e.getOriginalMessage());
        }
    }

    private static String read(String option, Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new InputException(option + ": cannot read " + file + ": " + TraceFile.reason(file.toString(), e));
        }
    }
}
