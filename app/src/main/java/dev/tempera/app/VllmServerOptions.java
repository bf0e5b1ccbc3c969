package dev.tempera.app;

import dev.tempera.InvalidParametersException;
import dev.tempera.vllm.ChatRendering;
import dev.tempera.vllm.Stepwise;
import dev.tempera.vllm.Timeouts;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a vLLM server is reached, and what it may be asked to do. */
final class VllmServerOptions {
    static final List<String> NAMES = List.of(
            "--api-key",
            "--served-model",
            "--tokenizer",
            "--chat-template",
            "--stepwise",
            "--stepwise-candidates",
            "--stepwise-draft",
            "--timeout");

    private static final String KEY_VARIABLE = "VLLM_API_KEY";

    @Option(
            names = "--api-key",
            paramLabel = "KEY",
            description = "The server's API key; rather set " + KEY_VARIABLE
                    + ": a command line is seen by everybody on the machine.")
    private @Nullable String apiKey;

    @Option(
            names = "--served-model",
            paramLabel = "NAME",
            description = "Which of the server's models or LoRA adapters; its first model if not given.")
    private @Nullable String servedModel;

    @Option(
            names = "--tokenizer",
            paramLabel = "FOLDER",
            description = "The folder of the model's tokenizer.json: token ids go to the server and come back,"
                    + " instead of texts, and texts end as they do in this process.")
    private @Nullable Path tokenizer;

    @Option(
            names = "--chat-template",
            paramLabel = "server|local",
            converter = ChatRenderingConverter.class,
            description = "Whose chat template makes a prompt of messages: the server's, or that of --tokenizer.")
    private @Nullable ChatRendering chatRendering;

    @Option(
            names = "--stepwise",
            description = "Allow stages that no vLLM server has: they run here, over the most probable tokens, with one"
                    + " request for every token. Needs --tokenizer.")
    private boolean stepwise;

    @Option(
            names = "--stepwise-candidates",
            paramLabel = "N",
            description = "Over how many tokens they run, 100 unless given; -1 for all. The server may show fewer.")
    private @Nullable Integer candidates;

    @Option(
            names = "--stepwise-draft",
            paramLabel = "N",
            description =
                    "Let the server draw N tokens ahead, and keep those that the stages would have drawn: the same"
                            + " distribution in fewer requests.")
    private @Nullable Integer draft;

    @Option(
            names = "--timeout",
            paramLabel = "[WHICH=]SECONDS",
            split = ",",
            description = "How long to wait: connect=10, first-token=300, between-tokens=60 and total=3600 unless"
                    + " given; without WHICH it is total.")
    private List<String> timeouts = new ArrayList<>();

    VllmChoice of(List<URI> servers, Map<String, String> variables) {
        if (tokenizer == null && chatRendering == ChatRendering.LOCAL) {
            throw new InputException("--chat-template local needs --tokenizer FOLDER, where the template is");
        }
        if (servedModel != null && servedModel.isBlank()) {
            throw new InputException("--served-model must name a model, got \"" + servedModel + "\"");
        }
        return new VllmChoice(
                servers, key(variables), servedModel, tokenizer, chatRendering, readStepwise(), readTimeouts());
    }

    private @Nullable ApiKey key(Map<String, String> variables) {
        if (apiKey != null) {
            return ApiKey.of("--api-key", apiKey);
        }
        String key = variables.getOrDefault(KEY_VARIABLE, "");
        return key.isEmpty() ? null : ApiKey.of(KEY_VARIABLE, key);
    }

    private @Nullable Stepwise readStepwise() {
        if (!stepwise) {
            if (candidates != null || draft != null) {
                throw new InputException("--stepwise-candidates and --stepwise-draft need --stepwise");
            }
            return null;
        }
        if (tokenizer == null) {
            throw new InputException("--stepwise needs --tokenizer FOLDER: the stages run on token ids");
        }
        Stepwise how = Stepwise.DEFAULT;
        how = candidates == null ? how : told("--stepwise-candidates", how, candidates, Stepwise::withCandidates);
        return draft == null ? how : told("--stepwise-draft", how, draft, Stepwise::withDraft);
    }

    /** What is out of range is told by the option's name. */
    private static Stepwise told(
            String option, Stepwise how, int value, BiFunction<Stepwise, Integer, Stepwise> change) {
        try {
            return change.apply(how, value);
        } catch (InvalidParametersException e) {
            throw new InputException(e.problems().get(0).replaceFirst("^\\w+", option));
        }
    }

    private Timeouts readTimeouts() {
        Timeouts result = Timeouts.DEFAULT;
        for (String typed : timeouts) {
            int equals = typed.indexOf('=');
            Duration limit = seconds(typed, typed.substring(equals + 1));
            result = switch (equals < 0 ? "total" : typed.substring(0, equals)) {
                case "connect" -> result.withConnect(limit);
                case "first-token" -> result.withFirstToken(limit);
                case "between-tokens" -> result.withBetweenTokens(limit);
                case "total" -> result.withTotal(limit);
                default ->
                    throw new InputException(
                            "--timeout must be of connect, first-token, between-tokens or total, got " + typed);
            };
        }
        return result;
    }

    private static Duration seconds(String typed, String number) {
        double seconds;
        try {
            seconds = Double.parseDouble(number);
        } catch (NumberFormatException e) {
            throw new InputException("--timeout must be a number of seconds, got " + typed);
        }
        if (!(seconds >= 0.001 && seconds <= 1e6)) {
            throw new InputException("--timeout must be from 0.001 to 1000000 seconds, got " + typed);
        }
        return Duration.ofMillis(Math.round(seconds * 1000));
    }
}
