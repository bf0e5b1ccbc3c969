package dev.tempera.app;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tempera.Dialect;
import dev.tempera.SamplingParameters;
import dev.tempera.djl.DjlEngine;
import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationException;
import dev.tempera.engine.GenerationPlan;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenStream;
import dev.tempera.presets.Preset;
import dev.tempera.processor.ThinkingBudget;
import dev.tempera.trace.SamplingTrace;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code tempera generate}: one prompt, one text. */
@Command(name = "generate", description = "Generate one text; tokens are written as they come.", sortOptions = false)
final class GenerateCommand implements Callable<Integer> {
    private static final int MOST_PROMPT_BYTES = 16 << 20;

    private final Environment environment;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(
            arity = "0..1",
            paramLabel = "PROMPT",
            description = "The prompt; read from standard input when it is - or missing.")
    private @Nullable String prompt;

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Mixin
    private PresetOption presetOption = new PresetOption();

    @Mixin
    private LanguageOption languageOption = new LanguageOption();

    @Option(
            names = "--system",
            paramLabel = "TEXT",
            description = "A system message before the prompt; without it the preset's, where it has one.")
    private @Nullable String system;

    @Option(names = "--raw", description = "Continue the prompt as it is, without chat template and system message.")
    private boolean raw;

    @Option(
            names = "--negative-prompt",
            paramLabel = "TEXT",
            description = "What the text is to be unlike, with --guidance-scale; goes the way of the prompt: system"
                    + " message, chat template. Without it, the last token of the prompt.")
    private @Nullable String negativePrompt;

    @Option(
            names = "--dialect",
            paramLabel = "NAME",
            converter = DialectConverter.class,
            description = "Whose rules the parameters follow: vllm (default), transformers or llama-cpp.")
    private Dialect dialect = Dialect.VLLM;

    @Option(names = "--json", description = "Write one JSON object at the end instead of text as it comes.")
    private boolean json;

    @Option(names = "--plan", description = "Say how every stage would run, and stop.")
    private boolean plan;

    @Option(
            names = "--show-parameters",
            description = "Tell on standard error what was in force: parameters, seed, pipeline, tokens per second.")
    private boolean showParameters;

    @Option(
            names = "--logprobs",
            paramLabel = "N",
            description = "Show every token's log-probability and the N most probable tokens beside it.")
    private @Nullable Integer logprobs;

    @ArgGroup(validate = false, order = 20, heading = "%nThe shape of the text (for a vLLM server; one of these):%n")
    private OutputOptions output = new OutputOptions();

    @Mixin
    private TraceOptions traceOptions = new TraceOptions();

    GenerateCommand(Environment environment) {
        this.environment = environment;
    }

    @Override
    public Integer call() {
        SamplingParameters given = SamplingOptions.read(spec.commandLine().getParseResult(), dialect);
        Preset preset = presetOption.asked();
        ModelChoice choice = model.choice(environment.variables());
        SamplingParameters parameters =
                preset == null ? given : preset.parameters().overrideWith(given);
        if (preset != null && !raw) {
            system = PresetOption.systemPrompt(system, preset, languageOption.language(environment.variables()));
        }
        GenerationRequest request = SamplingOptions.asTyped(given.toMap().keySet(), () -> request(parameters));
        PrintWriter err = spec.commandLine().getErr();
        parameters.warnings().forEach(warning -> err.println("warning: " + warning));
        if (preset != null) {
            preset.check(parameters).forEach(warning -> err.println("warning: " + warning));
        }
        try (GenerationEngine engine = environment.engines().open(choice)) {
            warnOfMissingMarkers(engine, parameters);
            if (plan) {
                out().println(request.pipeline());
                out().println(OptionWords.of(engine.plan(request).toString()));
                return 0;
            }
            String file = traceOptions.file();
            if (file == null) {
                return generate(engine, request, trace -> {});
            }
            try (Writer to = TraceFile.create(file)) {
                return generate(engine, request, trace -> TraceFile.write(trace, to, file));
            }
        } catch (IOException e) {
            throw new InputException("cannot write the trace: " + e.getMessage());
        }
    }

    private GenerationRequest request(SamplingParameters parameters) {
        GenerationRequest.Builder request = GenerationRequest.builder()
                .prompt(prompt(promptText()))
                .negativePrompt(negativePrompt == null ? null : prompt(negativePrompt))
                .parameters(parameters)
                .dialect(dialect)
                .engineOptions(output.engineOptions())
                .traceCandidates(traceOptions.candidates());
        if (logprobs != null) {
            if (logprobs < 0) {
                throw new InputException("--logprobs must be at least 0, got " + logprobs);
            }
            request.logprobs(logprobs);
        }
        return request.build();
    }

    private int generate(GenerationEngine engine, GenerationRequest request, Consumer<SamplingTrace> toFile) {
        long start = System.nanoTime();
        GenerationResult result;
        boolean begun = false;
        try (TokenStream stream = engine.stream(request)) {
            while (stream.hasNext()) {
                String text = stream.next().text();
                if (!json) {
                    begun |= !text.isEmpty();
                    out().print(text);
                    if (out().checkError()) {
                        return 0; // The reader left; main says so if there is another reason.
                    }
                }
            }
            result = stream.result();
        } catch (GenerationException e) {
            if (begun) {
                out().println(); // What went wrong stands on a line of its own, below the text so far.
            } else if (json && e.partialResult() != null) {
                out().println(toJson(
                        engine, request, e.partialResult(), OptionWords.of(String.valueOf(e.getMessage()))));
            }
            out().flush();
            throw e;
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        out().println(json ? toJson(engine, request, result, null) : "");
        SamplingTrace trace = result.trace();
        if (trace != null) {
            toFile.accept(trace);
            if (traceOptions.showsTable() && !json) {
                out().println();
                new TraceTable(languageOption.language(environment.variables()))
                        .lines(trace)
                        .forEach(out()::println);
            }
        }
        if (result.logprobs() != null && !json) {
            out().println();
            new LogprobTable(languageOption.language(environment.variables()))
                    .lines(result.logprobs())
                    .forEach(out()::println);
        }
        out().flush();
        warnOfFullContext(request, result);
        warnOfUnseenMass(engine, request, result);
        if (showParameters) {
            tell(request, result, seconds);
        }
        if (result.finishReason().equals(FinishReason.ABORT)) {
            throw new GenerationException("the engine ended the generation before its time", result, null);
        }
        return 0;
    }

    /** A budget for thinking counts between two tokens that not every model has. */
    private void warnOfMissingMarkers(GenerationEngine engine, SamplingParameters parameters) {
        Integer budget = parameters.thinkingTokenBudget();
        if (budget == null || budget < 0 || !(engine instanceof DjlEngine local)) {
            return;
        }
        for (ThinkingBudget.Marker marker : List.of(ThinkingBudget.THINK, ThinkingBudget.END_OF_THINK)) {
            if (local.tokenizer().encode(marker.text()).length != 1) {
                spec.commandLine()
                        .getErr()
                        .println("warning: --thinking-token-budget needs " + marker.text()
                                + ", which is no token of this"
                                + " model: no effect, unless the model writes it piece by piece");
                return;
            }
        }
    }

    /** Stages that ran here over what a server listed may have missed what counts. */
    private void warnOfUnseenMass(GenerationEngine engine, GenerationRequest request, GenerationResult result) {
        if (result.details().get("stepwise_unseen_mass") instanceof Double sum
                && result.details().get("stepwise_most_unseen_mass") instanceof Double most
                && engine.plan(request).stages().stream()
                        .anyMatch(stage -> stage.placement() == GenerationPlan.Placement.STEPWISE && !stage.exact())) {
            double mean = sum / Math.max(1, result.usage().generatedTokens());
            spec.commandLine()
                    .getErr()
                    .println("warning: the stages that ran here did not see " + TraceTable.share(mean)
                            + " of the probability of a token on average, " + TraceTable.share(most)
                            + " at most; a larger --stepwise-candidates shows them more, -1 all");
        }
    }

    /** What ends for its length before max_tokens ends with the context. */
    private void warnOfFullContext(GenerationRequest request, GenerationResult result) {
        Integer maxTokens = request.parameters().maxTokens();
        boolean asAsked = maxTokens != null && result.usage().generatedTokens() >= maxTokens;
        if (result.finishReason().equals(FinishReason.LENGTH) && !asAsked) {
            int tokens = result.usage().promptTokens() + result.usage().generatedTokens();
            spec.commandLine()
                    .getErr()
                    .println("warning: the context of " + tokens + " tokens is full: the text ends there");
        }
    }

    private void tell(GenerationRequest request, GenerationResult result, double seconds) {
        PrintWriter err = spec.commandLine().getErr();
        err.println("parameters: " + write(result.effectiveParameters().toMap()));
        if (system != null) {
            err.println("system:     " + write(system));
        }
        err.println(
                "pipeline:   " + request.pipeline() + " (" + request.dialect().displayName() + " dialect)");
        err.println(String.format(
                Locale.ROOT,
                "tokens:     %d prompt, %d generated, %.0f tokens/s; finish reason: %s",
                result.usage().promptTokens(),
                result.usage().generatedTokens(),
                result.usage().generatedTokens() / seconds,
                result.finishReason()));
    }

    /** @param error why there is no more; null if the result is whole */
    private String toJson(
            GenerationEngine engine, GenerationRequest request, GenerationResult result, @Nullable String error) {
        Map<String, Object> usage = new LinkedHashMap<>();
        usage.put("prompt_tokens", result.usage().promptTokens());
        usage.put("generated_tokens", result.usage().generatedTokens());
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("model", engine.model());
        if (system != null) {
            object.put("system", system);
        }
        if (negativePrompt != null) {
            object.put("negative_prompt", negativePrompt);
        }
        object.put("text", result.text());
        object.put("token_ids", result.tokenIds());
        object.put("finish_reason", result.finishReason().value());
        object.put("usage", usage);
        object.put("parameters", result.effectiveParameters().toMap());
        object.put("dialect", DialectConverter.nameOf(request.dialect()));
        object.put("pipeline", request.pipeline().toString());
        SamplingTrace trace = result.trace();
        if (trace != null && traceOptions.showsTable()) {
            object.put("trace", trace.toMaps());
        }
        if (result.logprobs() != null) {
            object.put("logprobs", LogprobTable.toMap(result.logprobs()));
        }
        if (!result.reasoning().isEmpty()) {
            object.put("reasoning", result.reasoning());
        }
        if (!result.details().isEmpty()) {
            object.put("details", result.details());
        }
        if (error != null) {
            object.put("error", error);
        }
        return write(object);
    }

    private static String write(Object value) {
        try {
            return new ObjectMapper().writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e); // Maps of plain values always can be written.
        }
    }

    private String promptText() {
        String text = prompt == null || prompt.equals("-") ? fromInput() : prompt;
        if (text.isBlank()) {
            throw new InputException("the prompt is empty");
        }
        return text;
    }

    private Prompt prompt(String text) {
        if (raw) {
            if (system != null) {
                throw new InputException("--system needs the chat template, which --raw leaves out: give one of them");
            }
            return new Prompt.Text(text);
        }
        List<ChatMessage> messages = new ArrayList<>();
        if (system != null) {
            messages.add(ChatMessage.system(system));
        }
        messages.add(ChatMessage.user(text));
        return new Prompt.Chat(messages);
    }

    private String fromInput() {
        if (prompt == null && environment.terminal().readsKeyboard()) {
            throw new InputException(
                    "no prompt: give one, for instance tempera generate \"请写一首关于春天的诗\"," + " or - to type it");
        }
        try {
            byte[] bytes = environment.input().readNBytes(MOST_PROMPT_BYTES + 1);
            if (bytes.length > MOST_PROMPT_BYTES) {
                throw new InputException("the prompt on standard input is longer than 16 MB");
            }
            return new String(bytes, StandardCharsets.UTF_8).replaceFirst("\\R\\z", "");
        } catch (IOException e) {
            throw new InputException("cannot read the prompt from standard input: " + e.getMessage());
        }
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
