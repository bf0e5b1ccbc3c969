package dev.tempera.app.process;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import dev.tempera.TemperaException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code tempera process}: reads a case a line, writes an answer a line. A line that cannot be answered gets an answer
 * that says why, and the next one is read.
 */
@Command(
        name = "process",
        description = "Run test cases of vLLM, transformers or llama.cpp: JSON lines in, JSON lines out.",
        mixinStandardHelpOptions = true)
public final class ProcessCommand implements Callable<Integer> {
    private final InputStream input;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(
            names = "--dialect",
            required = true,
            paramLabel = "D",
            converter = PeerConverter.class,
            completionCandidates = PeerConverter.class,
            description = "Whose names and rules: ${COMPLETION-CANDIDATES}.")
    private Peer dialect = Peer.VLLM;

    /** @param input where the cases come from */
    public ProcessCommand(InputStream input) {
        this.input = input;
    }

    @Override
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        BufferedReader lines = new BufferedReader(new InputStreamReader(input, StandardCharsets.UTF_8));
        int number = 0;
        String line;
        while ((line = lines.readLine()) != null && !out.checkError()) {
            number++;
            if (!line.isBlank()) {
                out.print(answer(line, number));
                out.print('\n');
            }
        }
        out.flush();
        return 0;
    }

    private String answer(String line, int number) {
        JsonNode id = NullNode.getInstance();
        try {
            JsonNode tree = Json.MAPPER.readTree(line);
            if (!tree.isObject()) {
                return Answers.error(id, "line " + number + " is not a JSON object");
            }
            id = tree.path("id");
            return PeerCase.read(tree).answer(id, dialect);
        } catch (JsonProcessingException e) {
            return Answers.error(id, "line " + number + " is not JSON: " + sentence(e));
        } catch (TemperaException e) {
            return Answers.error(id, "line " + number + ": " + e.getMessage());
        }
    }

    /** Jackson's, without what it says of a source that it does not know, and with the column. */
    private static String sentence(JsonProcessingException e) {
        String message = e.getOriginalMessage().replaceAll(" \\(start marker at .*\\)$", "");
        return e.getLocation() == null
                ? message
                : message + " (column " + e.getLocation().getColumnNr() + ")";
    }
}
