package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.LogitsProcessor;
import dev.tempera.LogitsProcessors;
import dev.tempera.ProcessorSpec;
import dev.tempera.Samplers;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.GenerationPlan.Stage;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.StructuredOutput;
import dev.tempera.engine.Tokenizer;
import dev.tempera.processor.TopK;
import dev.tempera.testkit.ByteTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** docs/engine-vllm.md says where every processor, parameter and field runs; here it is held to the planner. */
class SupportMatrixTest {
    private static final Tokenizer TOKENIZER = new ByteTokenizer();
    private static final Capabilities LIKELIEST = Servers.recent(20, Logprobs.Stage.RAW_LOGPROBS);
    private static final Capabilities WHOLE = Servers.recent(-1, Logprobs.Stage.RAW_LOGPROBS);
    private static final Capabilities LOGITS = Servers.recent(-1, Logprobs.Stage.RAW_LOGITS);

    /** One of every name, with what vLLM takes where it takes any. */
    private static final SortedMap<String, Map<String, ?>> PROCESSORS = new TreeMap<>(Map.ofEntries(
            Map.entry("allowed_tokens", Map.of("token_ids", List.of(1))),
            Map.entry("bad_words", Map.of("words", List.of("a"))),
            Map.entry("banned_strings", Map.of("strings", List.of("a"))),
            Map.entry("begin_suppress_tokens", Map.of("token_ids", List.of(1), "begin_index", 0)),
            Map.entry("classifier_free_guidance", Map.of("scale", 1.5)),
            Map.entry("decaying_penalties", Map.of("repetition_penalty", 1.2, "window", 4, "decay", 6)),
            Map.entry("distinct_token_penalty", Map.of("alpha", 1.5)),
            Map.entry("dry", Map.of("multiplier", 0.8)),
            Map.entry("dynamic_temperature", Map.of("low", 0.5, "high", 1.5)),
            Map.entry("encoder_no_repeat_ngram", Map.of("ngram_size", 2)),
            Map.entry("encoder_repetition_penalty", Map.of("penalty", 1.4)),
            Map.entry("epsilon_cutoff", Map.of("epsilon", 0.01)),
            Map.entry("eta_cutoff", Map.of("epsilon", 0.01)),
            Map.entry(
                    "exempt_tokens",
                    Map.of("token_ids", List.of(3), "processor", Map.of("name", "frequency_penalty", "penalty", 1))),
            Map.entry("exponential_decay_length_penalty", Map.of("start", 3, "factor", 1.1)),
            Map.entry("forced_bos", Map.of("token_id", 20)),
            Map.entry("forced_eos", Map.of("token_ids", List.of(20), "max_length", 8)),
            Map.entry("forced_tokens", Map.of("token_ids", List.of(20))),
            Map.entry("frequency_penalty", Map.of("penalty", 1)),
            Map.entry("green_list_watermark", Map.of("key", 42)),
            Map.entry("infill", Map.of()),
            Map.entry("logit_bias", Map.of("biases", Map.of("3", 2.5))),
            Map.entry("min_p", Map.of("p", 0.1)),
            Map.entry("min_tokens", Map.of("min_tokens", 6)),
            Map.entry("no_repeat_ngram", Map.of("ngram_size", 2)),
            Map.entry("normalized_repetition_penalty", Map.of("penalty", 1.3)),
            Map.entry("p_less", Map.of()),
            Map.entry("presence_penalty", Map.of("penalty", 1)),
            Map.entry("remove_invalid_values", Map.of()),
            Map.entry("renormalize", Map.of()),
            Map.entry("repetition_penalty", Map.of("penalty", 1.1)),
            Map.entry("sequence_bias", Map.of("biases", List.of(List.of(List.of(1, 2), 1.5)))),
            Map.entry("skew", Map.of("skew", 0.3)),
            Map.entry("sloped_repetition_penalty", Map.of("penalty", 1.3, "slope", 0.5)),
            Map.entry("smoothing", Map.of("factor", 0.3)),
            Map.entry("softcap", Map.of("cap", 30)),
            Map.entry("suppress_tokens", Map.of("token_ids", List.of(3))),
            Map.entry("tail_free", Map.of("z", 0.9)),
            Map.entry("temperature", Map.of("value", 0.7)),
            Map.entry("thinking_budget", Map.of("budget", 2)),
            Map.entry("top_a", Map.of("a", 0.2)),
            Map.entry("top_h", Map.of("h", 0.5)),
            Map.entry("top_k", Map.of("k", 10)),
            Map.entry("top_n_sigma", Map.of("n", 1)),
            Map.entry("top_p", Map.of("p", 0.9)),
            Map.entry("typical_p", Map.of("p", 0.9)),
            Map.entry("xtc", Map.of("probability", 0.5, "threshold", 0.1))));

    private static final SortedMap<String, Map<String, ?>> SAMPLERS = new TreeMap<>(Map.of(
            "adaptive_p", Map.of("target", 0.5),
            "categorical", Map.of(),
            "greedy", Map.of(),
            "gumbel_max", Map.of(),
            "mirostat", Map.of(),
            "mirostat_v2", Map.of()));

    @Test
    void everyRegisteredNameHasARow() {
        assertThat(PROCESSORS.keySet()).isEqualTo(new TreeSet<>(standard(LogitsProcessors.names())));
        assertThat(SAMPLERS.keySet()).isEqualTo(new TreeSet<>(standard(Samplers.names())));
    }

    /** Other jars on the class path may register more. */
    private static List<String> standard(SortedSet<String> names) {
        return names.stream().filter(name -> !name.startsWith("test")).toList();
    }

    @Test
    void processors() throws IOException {
        List<String> rows = new ArrayList<>();
        PROCESSORS.forEach((name, options) -> {
            LogitsProcessor processor = LogitsProcessors.create(ProcessorSpec.of(name, options));
            SamplingPipeline alone = SamplingPipeline.of(processor);
            SamplingPipeline behind = SamplingPipeline.of(new TopK(15), processor);
            rows.add(row(
                    "`" + name + "`",
                    onServer(DelegatedProcessors.of(alone).processors().get(0)),
                    here(alone, 0, LIKELIEST),
                    here(behind, 1, LIKELIEST),
                    here(alone, 0, WHOLE),
                    here(alone, 0, LOGITS)));
        });
        assertPageHas(rows);
    }

    @Test
    void samplers() throws IOException {
        List<String> rows = new ArrayList<>();
        SAMPLERS.forEach((name, options) -> {
            SamplingPipeline alone = SamplingPipeline.builder()
                    .sampler(Samplers.create(ProcessorSpec.of(name, options)))
                    .build();
            SamplingPipeline behind = SamplingPipeline.builder()
                    .add(new TopK(15))
                    .sampler(alone.sampler())
                    .build();
            boolean taken = DelegatedProcessors.of(alone).sampler().isTaken();
            rows.add(row(
                    "`" + name + "`",
                    taken ? "yes" : "no",
                    word(view(alone, LIKELIEST).sampler()),
                    word(view(behind, LIKELIEST).sampler()),
                    word(view(alone, WHOLE).sampler()),
                    StepwiseView.canDraft(alone.sampler()) ? "yes" : "no"));
        });
        assertPageHas(rows);
    }

    private static String onServer(DelegatedProcessors.Verdict verdict) {
        return verdict.isTaken() ? "`" + verdict.field() + "`" : "no";
    }

    private static StepwiseView view(SamplingPipeline pipeline, Capabilities server) {
        return StepwiseView.of(pipeline, Stepwise.DEFAULT.withCandidates(-1), server, TOKENIZER, Route.GENERATE);
    }

    private static String here(SamplingPipeline pipeline, int index, Capabilities server) {
        return word(view(pipeline, server).processors().get(index));
    }

    private static String word(StepwiseView.Part part) {
        return !part.isPossible() ? "no" : part.exact() ? "exact" : "not exact";
    }

    @Test
    void fields() throws IOException {
        List<String> rows = new ArrayList<>();
        for (BodyField field : BodyField.values()) {
            rows.add(row(
                    "`" + field.wireName() + "`",
                    yes(field.isOn(Route.GENERATE)),
                    yes(field.isOn(Route.COMPLETIONS)),
                    yes(field.isOn(Route.CHAT))));
        }
        assertPageHas(rows);
    }

    private static String yes(boolean is) {
        return is ? "yes" : "no";
    }

    @Test
    void parameters() throws IOException {
        Map<String, Object> set = new TreeMap<>(Map.of(
                "max_tokens",
                5,
                "stop",
                List.of("a"),
                "stop_regex",
                List.of("a+"),
                "stop_token_ids",
                List.of(1),
                "include_stop_str_in_output",
                true,
                "ignore_eos",
                true,
                "max_time",
                1.5,
                "repetition_detection",
                Map.of("max_pattern_size", 3, "min_count", 2),
                "seed",
                1));
        List<String> rows = new ArrayList<>();
        for (Map.Entry<String, Object> each : set.entrySet()) {
            SamplingParameters parameters = SamplingParameters.fromMap(Map.of(each.getKey(), each.getValue()));
            rows.add(parameterRow(each.getKey(), request().parameters(parameters)));
        }
        rows.add(parameterRow(
                "stop", // more than the server takes
                request()
                        .parameters(SamplingParameters.builder()
                                .stop(List.of("a", "b", "c", "d", "e"))
                                .build())));
        EngineOptions options = EngineOptions.builder()
                .lora("adapter")
                .priority(1)
                .cacheSalt("salt")
                .requestId("id")
                .sessionId("id")
                .structuredOutput(new StructuredOutput.JsonObject())
                .extraArguments(Map.of("my_argument", 1))
                .build();
        for (String name : List.of(
                "lora", "priority", "cache_salt", "request_id", "session_id", "structured_output", "my_argument")) {
            rows.add(parameterRow(name, request().engineOptions(options)));
        }
        rows.add(parameterRow("logprobs", request().logprobs(2)));
        rows.add(parameterRow("trace", request().trace(true)));
        assertPageHas(rows);
    }

    private static GenerationRequest.Builder request() {
        return GenerationRequest.builder().prompt(new Prompt.Text("hi"));
    }

    private static String parameterRow(String name, GenerationRequest.Builder request) {
        Stage stage = new Planner(LIKELIEST, new Planner.Client(TOKENIZER, false, null))
                .plan(request.build()).plan().stages().stream()
                        .filter(each -> each.stage().split(" ")[0].equals(name))
                        .findFirst()
                        .orElseThrow();
        return row(
                "`" + name + "`", stage.placement().toString(), stage.reason(), stage.exact() ? "exact" : "not exact");
    }

    private static String row(String... cells) {
        return "| " + String.join(" | ", cells) + " |";
    }

    private static void assertPageHas(List<String> rows) throws IOException {
        Path folder = Path.of("").toAbsolutePath();
        while (!Files.exists(folder.resolve("docs"))) {
            folder = folder.getParent();
        }
        String page = Files.readString(folder.resolve("docs/engine-vllm.md"));
        assertThat(page)
                .as("docs/engine-vllm.md should have this table:%n%s", String.join("\n", rows))
                .contains(String.join("\n", rows));
    }
}
