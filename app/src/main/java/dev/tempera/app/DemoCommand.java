package dev.tempera.app;

import dev.tempera.SamplingParameters;
import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationException;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.evaluation.Diversity;
import dev.tempera.presets.Preset;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code tempera demo}: what temperature does, seen side by side and counted. */
@Command(
        name = "demo",
        description = "Write the same poem at several temperatures, side by side, with figures of diversity.",
        sortOptions = false)
final class DemoCommand implements Callable<Integer> {
    private static final String PROMPT = "请写一首关于春天的诗";
    private static final int MOST_SAMPLES = 100;
    private static final int MOST_TEMPERATURES = 20;
    private static final int MOST_PROMPT_SHOWN = 60;

    private final Environment environment;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(
            arity = "0..1",
            paramLabel = "PROMPT",
            defaultValue = PROMPT,
            description = "What to write; " + PROMPT + " (a poem about spring) when missing.")
    private String prompt = PROMPT;

    @Option(
            names = "--temperatures",
            paramLabel = "T",
            split = ",",
            defaultValue = "0.1,0.3,0.7,1.0,1.3,1.5",
            description = "The temperatures to compare, separated by commas (default: ${DEFAULT-VALUE}).")
    private List<Double> temperatures = List.of();

    @Option(
            names = "--samples",
            paramLabel = "N",
            defaultValue = "10",
            description = "Texts per temperature for the figures; the first is shown (default: ${DEFAULT-VALUE}).")
    private int samples;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "42",
            description = "Seed of the first text, the next ones count on (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            defaultValue = "128",
            description = "Longest text in tokens (default: ${DEFAULT-VALUE}).")
    private int maxTokens;

    @Option(names = "--system", paramLabel = "TEXT", description = "System message; otherwise the preset's, if any.")
    private @Nullable String system;

    @Option(
            names = "--chart",
            paramLabel = "FILE.png",
            description = "Also draw the figures, temperature by temperature, into a picture.")
    private @Nullable Path chart;

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Mixin
    private PresetOption presetOption = new PresetOption();

    @Mixin
    private LanguageOption languageOption = new LanguageOption();

    private Language language = Language.EN;

    DemoCommand(Environment environment) {
        this.environment = environment;
    }

    @Override
    public Integer call() {
        language = languageOption.language(environment.variables());
        check();
        ModelChoice choice = model.choice(environment.variables());
        Preset preset = presetOption.orDefault();
        system = PresetOption.systemPrompt(system, preset, language);
        List<List<GenerationRequest>> requests = new ArrayList<>();
        for (double temperature : temperatures) {
            requests.add(requests(preset, temperature));
        }
        int columns = environment.terminal().columns();
        out().println(language.say("Tempera 演示：温度如何改变模型写的诗", "Tempera demo: what temperature does to a poem"));
        out().println();
        out().flush();
        long start = System.nanoTime();
        try (GenerationEngine engine = environment.engines().open(choice)) {
            head(engine, preset, choice, seconds(start));
            return show(engine, requests, columns);
        }
    }

    private void check() {
        if (prompt.isBlank()) {
            throw new InputException("the prompt is empty");
        }
        if (chart != null) {
            check(chart.toAbsolutePath());
        }
        if (samples < 1 || samples > MOST_SAMPLES) {
            throw new InputException("--samples must be from 1 to " + MOST_SAMPLES + ", got " + samples);
        }
        if (temperatures.isEmpty() || temperatures.size() > MOST_TEMPERATURES) {
            throw new InputException(
                    "--temperatures must be 1 to " + MOST_TEMPERATURES + " numbers, got " + temperatures.size());
        }
        List<String> problems = new ArrayList<>();
        for (double temperature : temperatures) {
            problems.addAll(SamplingOptions.problems(() -> SamplingParameters.builder()
                    .temperature(temperature)
                    .build()
                    .toPipeline()));
        }
        if (!problems.isEmpty()) {
            throw new InputException("--temperatures: " + String.join("; ", problems));
        }
    }

    /** Before the work, not after it. */
    private void check(Path file) {
        if (samples == 1) {
            throw new InputException("--chart needs figures: give --samples 2 or more");
        }
        if (Files.isDirectory(file)) {
            throw new InputException("--chart must name a file, got the folder " + file);
        }
        Path parent = file.getParent();
        if (parent == null || !Files.isDirectory(parent)) {
            throw new InputException("--chart: there is no folder " + parent);
        }
    }

    private List<GenerationRequest> requests(Preset preset, double temperature) {
        List<ChatMessage> messages = new ArrayList<>();
        if (system != null) {
            messages.add(ChatMessage.system(system));
        }
        messages.add(ChatMessage.user(prompt));
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < samples; i++) {
            long sampleSeed = seed + i;
            requests.add(SamplingOptions.asTyped(
                    List.of("max_tokens"),
                    () -> GenerationRequest.of(
                            new Prompt.Chat(messages),
                            preset.parameters()
                                    .overrideWith(SamplingParameters.builder()
                                            .temperature(temperature)
                                            .maxTokens(maxTokens)
                                            .seed(sampleSeed)
                                            .build()))));
        }
        return requests;
    }

    /** The texts that are shown come first; the figures need the others, which may take their time. */
    private int show(GenerationEngine engine, List<List<GenerationRequest>> requests, int columns) {
        long start = System.nanoTime();
        List<List<GenerationResult>> results = new ArrayList<>();
        for (GenerationResult first :
                generate(engine, requests.stream().map(texts -> texts.get(0)).toList())) {
            results.add(new ArrayList<>(List.of(first)));
        }
        List<Columns.Column> poems = new ArrayList<>();
        for (int t = 0; t < results.size(); t++) {
            poems.add(new Columns.Column(
                    title(temperatures.get(t)), results.get(t).get(0).text()));
        }
        new Columns(columns).lines(poems).forEach(out()::println);
        out().println();
        if (out().checkError()) {
            return 0;
        }
        if (samples > 1) {
            List<GenerationResult> others = generate(
                    engine,
                    requests.stream().flatMap(texts -> texts.stream().skip(1)).toList());
            for (int t = 0; t < results.size(); t++) {
                results.get(t).addAll(others.subList(t * (samples - 1), (t + 1) * (samples - 1)));
            }
        }
        double seconds = seconds(start);
        figures(results);
        int tokens = results.stream()
                .flatMap(List::stream)
                .mapToInt(result -> result.usage().generatedTokens())
                .sum();
        int texts = temperatures.size() * samples;
        out().println(String.format(
                Locale.ROOT,
                language.say(
                        "共 %d 首、%,d 个 token，用时 %.1f 秒（%,.0f token/秒）。",
                        texts == 1
                                ? "%d text, %,d tokens in %.1f s (%,.0f tokens/s)."
                                : "%d texts, %,d tokens in %.1f s (%,.0f tokens/s)."),
                texts,
                tokens,
                seconds,
                tokens / seconds));
        out().println();
        hint();
        out().flush();
        return 0;
    }

    private static List<GenerationResult> generate(GenerationEngine engine, List<GenerationRequest> requests) {
        List<GenerationResult> results = engine.generateAll(requests);
        for (GenerationResult result : results) {
            if (result.finishReason().equals(FinishReason.ABORT)) {
                throw new GenerationException("the engine ended a generation before its time", result, null);
            }
        }
        return results;
    }

    private void head(GenerationEngine engine, Preset preset, ModelChoice choice, double loading) {
        String translated = prompt.equals(PROMPT) ? language.say("", "  (Please write a poem about spring)") : "";
        line(language.say("提示词", "Prompt"), shortened(prompt) + translated);
        if (system != null) {
            line(language.say("系统提示", "System"), shortened(system));
        }
        line(
                language.say("模型", "Model"),
                (model.isSampleModel()
                                ? language.say("随项目提供的小模型，学过唐诗", "the project's own small one, trained on Tang poems")
                                : engine.model())
                        + String.format(
                                Locale.ROOT,
                                choice instanceof VllmChoice
                                        ? language.say("（%.1f 秒连上服务器）", " (server reached in %.1f s)")
                                        : language.say("（%.1f 秒载入）", " (loaded in %.1f s)"),
                                loading));
        line(
                language.say("参数", "Parameters"),
                language.say("预设 ", "preset ")
                        + preset.name()
                        + language.say("，", ", ")
                        + fixed(preset)
                        + language.say("；只有温度不同", "; only the temperature differs"));
        line(
                language.say("种子", "Seed"),
                samples == 1
                        ? String.valueOf(seed)
                        : String.format(
                                language.say("%d 至 %d，显示第一首", "%d to %d, the first text is shown"),
                                seed,
                                seed + samples - 1));
        out().println();
        out().flush();
    }

    /** A prompt may be a whole book, and then is refused. */
    private static String shortened(String text) {
        return text.codePointCount(0, text.length()) <= MOST_PROMPT_SHOWN
                ? text
                : text.substring(0, text.offsetByCodePoints(0, MOST_PROMPT_SHOWN)) + "…";
    }

    /** What is the same at every temperature. */
    private String fixed(Preset preset) {
        Map<String, Object> parameters = preset.parameters()
                .overrideWith(SamplingParameters.builder().maxTokens(maxTokens).build())
                .toMap();
        parameters.remove("temperature");
        return parameters.entrySet().stream()
                .map(entry -> entry.getKey() + " " + entry.getValue())
                .collect(Collectors.joining(language.say("，", ", ")));
    }

    private void figures(List<List<GenerationResult>> results) {
        if (samples == 1) {
            return;
        }
        out().println(String.format(
                Locale.ROOT, language.say("多样性（每个温度 %d 首）", "Diversity (%d texts per temperature)"), samples));
        List<DiversityTable.Row> rows = new ArrayList<>();
        for (int t = 0; t < results.size(); t++) {
            List<String> texts =
                    results.get(t).stream().map(GenerationResult::text).toList();
            rows.add(new DiversityTable.Row(temperatures.get(t), Diversity.of(texts)));
        }
        new DiversityTable(language).lines(rows).forEach(out()::println);
        out().println();
        if (chart != null) {
            DiversityChart.write(rows, chart);
            out().println(language.say("图已写入 ", "Chart written to ") + chart);
        }
    }

    private void hint() {
        out().println(language.say("低温严谨，高温富于创意。接着试试：", "Low is regular, high is adventurous. Try next:"));
        out().println("  ./tempera demo \"请写一首关于秋月的七言绝句\" --seed " + (seed + 1));
        out().println("  ./tempera generate \"" + PROMPT + "\" --temperature 1.3 --min-p 0.05");
        out().println("  ./tempera chat" + language.say("  # 边聊边调温度", "  # change the temperature as you talk"));
    }

    private String title(double temperature) {
        return language.say("温度 ", "T = ") + number(temperature);
    }

    static String number(double value) {
        return value == Math.rint(value) ? String.format(Locale.ROOT, "%.1f", value) : String.valueOf(value);
    }

    private void line(String name, String value) {
        out().println(DisplayWidth.pad(name, language == Language.ZH ? 8 : 12) + value);
    }

    private static double seconds(long start) {
        return (System.nanoTime() - start) / 1e9;
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
