package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tempera.RepetitionDetection;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.StructuredOutput;
import dev.tempera.engine.TokenStream;
import dev.tempera.engine.Tool;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every field of a request has its effect on a real server, through the engine: those that shape the distribution are in
 * {@link NextTokenDistributionIT}.
 */
class FieldEffectsIT {
    /** Greedily it goes on with 上天上天中仙。 and the end of the text. */
    private static final Prompt SPRING = new Prompt.Text("春天");

    private static final Prompt CHAT =
            new Prompt.Chat(List.of(ChatMessage.user("春"), ChatMessage.assistant("风")), List.of());
    private static final Tool POEM = new Tool(
            "write_poem",
            "写诗",
            Map.of(
                    "type",
                    "object",
                    "properties",
                    Map.of("season", Map.of("type", "string", "enum", List.of("春", "秋"))),
                    "required",
                    List.of("season")));

    private static LocalModel local;
    private static VllmEngine text;
    private static VllmEngine ids;

    @BeforeAll
    static void open() {
        local = new LocalModel();
        text = VllmEngine.builder(RealVllm.shared().uri()).open();
        ids = VllmEngine.builder(RealVllm.shared().uri())
                .tokenizer(local.engine().tokenizer())
                .open();
    }

    @AfterAll
    static void close() {
        text.close();
        ids.close();
        local.close();
    }

    static Stream<VllmEngine> engines() {
        return Stream.of(text, ids);
    }

    // --- what ends a text

    @ParameterizedTest(autoCloseArguments = false)
    @MethodSource("engines")
    void maxTokens(VllmEngine engine) {
        GenerationResult result = generate(engine, SPRING, p -> p.maxTokens(3));

        assertThat(result.text()).isEqualTo("上天上");
        assertThat(result.tokenIds()).containsExactly(397, 406, 397);
        assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(result.usage().generatedTokens()).isEqualTo(3);
    }

    @ParameterizedTest(autoCloseArguments = false)
    @MethodSource("engines")
    void endOfText_minTokens_ignoreEos(VllmEngine engine) {
        GenerationResult ended = generate(engine, SPRING, p -> p);
        assertThat(ended.text()).isEqualTo("上天上天中仙。");
        assertThat(ended.finishReason()).isEqualTo(FinishReason.STOP);

        assertThat(generate(engine, SPRING, p -> p.minTokens(12)).tokenIds())
                .hasSizeGreaterThanOrEqualTo(12)
                .doesNotContain(2);
        GenerationResult endless = generate(engine, SPRING, p -> p.ignoreEos(true));
        assertThat(endless.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(endless.tokenIds()).hasSize(20).contains(2);
    }

    @ParameterizedTest(autoCloseArguments = false)
    @MethodSource("engines")
    void stop_includeStopStrInOutput_stopTokenIds(VllmEngine engine) {
        GenerationResult stopped = generate(engine, SPRING, p -> p.stop(List.of("中仙", "月")));
        assertThat(stopped.text()).isEqualTo("上天上天");
        assertThat(stopped.finishReason()).isEqualTo(FinishReason.STOP);

        assertThat(generate(engine, SPRING, p -> p.stop(List.of("中仙")).includeStopStrInOutput(true))
                        .text())
                .isEqualTo("上天上天中仙");
        GenerationResult atToken = generate(engine, SPRING, p -> p.stopTokenIds(List.of(396)));
        assertThat(atToken.text()).isEqualTo("上天上天");
        assertThat(atToken.details()).containsEntry("stop_reason", 396);
    }

    @ParameterizedTest(autoCloseArguments = false)
    @MethodSource("engines")
    void repetitionDetection(VllmEngine engine) {
        GenerationResult result = generate(
                engine,
                SPRING,
                p -> p.allowedTokenIds(List.of(395)).repetitionDetection(new RepetitionDetection(2, 1, 4)));

        assertThat(result.text()).isEqualTo("春春春春");
        assertThat(result.finishReason()).isEqualTo(FinishReason.REPETITION);
    }

    // --- what is drawn

    @ParameterizedTest(autoCloseArguments = false)
    @MethodSource("engines")
    void seed(VllmEngine engine) {
        GenerationResult first =
                generate(engine, SPRING, p -> p.temperature(1.5).seed(1L));

        assertThat(generate(engine, SPRING, p -> p.temperature(1.5).seed(1L)).tokenIds())
                .isEqualTo(first.tokenIds());
        assertThat(generate(engine, SPRING, p -> p.temperature(1.5).seed(2L)).tokenIds())
                .isNotEqualTo(first.tokenIds());
    }

    /** The n-th text is drawn with the n-th seed from the given one on. */
    @ParameterizedTest(autoCloseArguments = false)
    @MethodSource("engines")
    void n(VllmEngine engine) {
        List<GenerationResult> three = engine.generate(
                request(SPRING, p -> p.temperature(1.5).seed(7L), EngineOptions.NONE)
                        .build(),
                3);

        assertThat(three).hasSize(3);
        for (int i = 0; i < 3; i++) {
            long seed = 7 + i;
            assertThat(three.get(i).tokenIds())
                    .isEqualTo(generate(engine, SPRING, p -> p.temperature(1.5).seed(seed))
                            .tokenIds());
        }
    }

    @ParameterizedTest(autoCloseArguments = false)
    @MethodSource("engines")
    void logitBias_allowedTokenIds_badWords(VllmEngine engine) {
        assertThat(generate(engine, SPRING, p -> p.logitBias(Map.of(408, 100.0)).maxTokens(2))
                        .tokenIds())
                .containsExactly(408, 408);
        assertThat(generate(engine, SPRING, p -> p.allowedTokenIds(List.of(395, 406)))
                        .tokenIds())
                .isSubsetOf(395, 406);
        assertThat(generate(engine, SPRING, p -> p.badWords(List.of("天"))).text())
                .doesNotContain("天");
    }

    @ParameterizedTest(autoCloseArguments = false)
    @MethodSource("engines")
    void serverDefaults_areOverruled(VllmEngine engine) {
        // The model's generation_config.json says temperature 0.7, top_k 20, top_p 0.8; nothing of it was asked for.
        Stream<Integer> firsts = Stream.iterate(1L, seed -> seed + 1)
                .limit(30)
                .map(seed -> generate(
                                engine,
                                SPRING,
                                p -> p.temperature(1.0).seed(seed).maxTokens(1))
                        .tokenIds()
                        .get(0));

        assertThat(firsts.distinct()).hasSizeGreaterThan(20);
    }

    // --- what is told

    @ParameterizedTest(autoCloseArguments = false)
    @MethodSource("engines")
    void logprobs_promptLogprobs(VllmEngine engine) {
        GenerationResult result = engine.generate(request(SPRING, p -> p.maxTokens(2), EngineOptions.NONE)
                .logprobs(3)
                .build());

        Logprobs.Position first = result.logprobs().positions().get(0);
        assertThat(result.logprobs().stage()).isEqualTo(Logprobs.Stage.RAW_LOGPROBS);
        assertThat(result.logprobs().positions()).hasSize(2);
        assertThat(first.drawn().tokenId()).isEqualTo(397);
        assertThat(first.drawn().rank()).isIn(0, 1);
        assertThat(first.drawn().value()).isBetween(-2.119, -2.117);
        assertThat(first.top()).hasSize(3).extracting(Logprobs.Token::tokenId).startsWith(397, 646);

        GenerationResult prompt = generate(engine, SPRING, p -> p.maxTokens(1), fields("prompt_logprobs", 1));
        assertThat(prompt.details()).containsKey("prompt_logprobs");
        assertThat((List<?>) prompt.details().get("prompt_logprobs")).hasSize(2);
    }

    @Test
    void logprobTokenIds() {
        GenerationResult result =
                text.generate(request(SPRING, p -> p.maxTokens(1), fields("logprob_token_ids", List.of(395, 4000)))
                        .logprobs(3)
                        .build());

        assertThat(result.logprobs().positions().get(0).top())
                .extracting(Logprobs.Token::tokenId)
                .contains(395, 4000);
    }

    @Test
    void skipSpecialTokens() {
        GenerationResult shown =
                generate(text, SPRING, p -> p.ignoreEos(true).maxTokens(9), fields("skip_special_tokens", false));

        assertThat(shown.text()).contains("<|im_end|>");
        assertThat(generate(text, SPRING, p -> p.ignoreEos(true).maxTokens(9)).text())
                .doesNotContain("<|");
    }

    /** With token ids, each token is a chunk of its own here. */
    @Test
    void streamInterval() {
        GenerationRequest each =
                request(SPRING, p -> p.ignoreEos(true), EngineOptions.NONE).build();
        GenerationRequest some = request(SPRING, p -> p.ignoreEos(true), fields("stream_interval", 10))
                .build();

        assertThat(events(text, some)).isLessThan(8).isLessThan(events(text, each) / 2);
    }

    @Test
    void echo() {
        assertThat(generate(text, SPRING, p -> p.maxTokens(2), fields("echo", true))
                        .text())
                .isEqualTo("春天上天");
    }

    // --- what the model reads

    @Test
    void truncatePromptTokens_truncationSide() {
        GenerationResult end = generate(
                text, SPRING, p -> p.maxTokens(1), fields("truncate_prompt_tokens", 1, "truncation_side", "left"));
        GenerationResult start = generate(
                text, SPRING, p -> p.maxTokens(1), fields("truncate_prompt_tokens", 1, "truncation_side", "right"));

        assertThat(end.usage().promptTokens()).isEqualTo(1);
        assertThat(start.usage().promptTokens()).isEqualTo(1);
        assertThat(end.text()).isNotEqualTo(start.text());
    }

    @Test
    void addGenerationPrompt_continueFinalMessage() {
        int whole = generate(text, CHAT, p -> p.maxTokens(1)).usage().promptTokens();

        assertThat(generate(text, CHAT, p -> p.maxTokens(1), fields("add_generation_prompt", false))
                        .usage()
                        .promptTokens())
                .isLessThan(whole);
        assertThat(generate(
                                text,
                                CHAT,
                                p -> p.maxTokens(1),
                                fields("add_generation_prompt", false, "continue_final_message", true))
                        .usage()
                        .promptTokens())
                .isLessThan(whole);
        assertThat(generate(text, CHAT, p -> p.maxTokens(2), fields("echo", true))
                        .text())
                .startsWith("风");
    }

    @Test
    void toolsAreShownToTheModel_andTheNamedOneIsCalled() {
        Prompt tools = new Prompt.Chat(List.of(ChatMessage.user("春")), List.of(POEM));
        Map<String, Object> named = Map.of("type", "function", "function", Map.of("name", "write_poem"));
        GenerationResult called = generate(
                text,
                tools,
                p -> p.maxTokens(200).logitBias(Map.of(12, -100.0, 16, -100.0, 259, -100.0, 260, -100.0)),
                fields("tool_choice", named, "parallel_tool_calls", false));

        assertThat(called.usage().promptTokens()).isGreaterThan(300);
        assertThat(called.toolCalls()).hasSize(1);
        assertThat(called.toolCalls().get(0).name()).isEqualTo("write_poem");
        assertThat(called.toolCalls().get(0).id()).startsWith("chatcmpl-tool-");
        assertThat(called.toolCalls().get(0).arguments()).isNotEmpty();
    }

    // --- structured output

    @ParameterizedTest(autoCloseArguments = false)
    @MethodSource("engines")
    void structuredOutputs(VllmEngine engine) throws Exception {
        assertThat(constrained(engine, new StructuredOutput.Regex("[春秋]{2}[0-9]")))
                .matches("[春秋]{2}[0-9]");
        assertThat(constrained(engine, new StructuredOutput.Choice(List.of("秋月", "春风"))))
                .isIn("秋月", "春风");
        assertThat(constrained(engine, new StructuredOutput.Grammar("root ::= \"甲\" | \"乙\"")))
                .isIn("甲", "乙");
        Map<String, Object> schema = Map.of(
                "type",
                "object",
                "properties",
                Map.of("line", Map.of("type", "string", "maxLength", 3)),
                "required",
                List.of("line"),
                "additionalProperties",
                false);
        JsonNode json = Recording.JSON.readTree(constrained(engine, new StructuredOutput.JsonSchema(schema)));
        assertThat(json.path("line").isTextual()).isTrue();
    }

    @Test
    void responseFormat() throws Exception {
        Map<String, Object> schema = Map.of(
                "type", "object", "properties", Map.of("n", Map.of("enum", List.of(1, 2))), "required", List.of("n"));
        String json = generate(
                        text,
                        SPRING,
                        p -> p.maxTokens(60).logitBias(Map.of(12, -100.0, 16, -100.0, 259, -100.0, 260, -100.0)),
                        fields(
                                "response_format",
                                Map.of(
                                        "type",
                                        "json_schema",
                                        "json_schema",
                                        Map.of("name", "number", "schema", schema))))
                .text();

        assertThat(Recording.JSON.readTree(json).path("n").asInt()).isIn(1, 2);
    }

    @Test
    void useBeamSearch_lengthPenalty() {
        GenerationResult best =
                generate(text, SPRING, p -> p.maxTokens(8), fields("use_beam_search", true, "length_penalty", 0.5));

        assertThat(best.text()).isNotEmpty();
    }

    // --- what the server does with it

    @ParameterizedTest(autoCloseArguments = false)
    @MethodSource("engines")
    void cacheSalt(VllmEngine engine) throws Exception {
        Prompt long_ = new Prompt.Text("春天秋天".repeat(100));
        String salt = "salt-" + System.nanoTime();
        generate(engine, long_, p -> p.maxTokens(1), salted(salt));
        double before = RealVllm.shared().metric("vllm:prefix_cache_hits_total");
        generate(engine, long_, p -> p.maxTokens(1), salted(salt + "-other"));
        assertThat(RealVllm.shared().metric("vllm:prefix_cache_hits_total")).isEqualTo(before);
        generate(engine, long_, p -> p.maxTokens(1), salted(salt));
        assertThat(RealVllm.shared().metric("vllm:prefix_cache_hits_total")).isGreaterThanOrEqualTo(before + 128);
    }

    /** Nothing shows of them on this server: it takes them, and the text is the same. */
    @ParameterizedTest(autoCloseArguments = false)
    @MethodSource("engines")
    void priority_session_extraArguments_andFieldsWithoutMeaningHere_areTaken(VllmEngine engine) {
        EngineOptions options = EngineOptions.builder()
                .priority(5)
                .requestId("it-" + System.nanoTime())
                .sessionId("session")
                .extraArguments(Map.of("unknown_plugin", 1))
                .fields(Map.of("spaces_between_special_tokens", false, "watermarking", false))
                .build();

        assertThat(generate(engine, SPRING, p -> p, options).text()).isEqualTo("上天上天中仙。");
    }

    @Test
    void chatFieldsWithoutMeaningForThisTemplate_areTaken() {
        EngineOptions options = EngineOptions.builder()
                .fields(Map.of(
                        "chat_template_kwargs",
                        Map.of("enable_thinking", false),
                        "documents",
                        List.of(Map.of("text", "春")),
                        "reasoning_effort",
                        "low",
                        "include_reasoning",
                        false,
                        "add_special_tokens",
                        true))
                .build();

        assertThat(generate(text, CHAT, p -> p, options).text())
                .isEqualTo(generate(text, CHAT, p -> p).text());
    }

    private static String constrained(VllmEngine engine, StructuredOutput output) {
        return generate(
                        engine,
                        SPRING,
                        p -> p.maxTokens(60).logitBias(Map.of(12, -100.0, 16, -100.0, 259, -100.0, 260, -100.0)),
                        EngineOptions.builder().structuredOutput(output).build())
                .text();
    }

    private static int events(VllmEngine engine, GenerationRequest request) {
        int count = 0;
        try (TokenStream stream = engine.stream(request)) {
            while (stream.hasNext()) {
                stream.next();
                count++;
            }
        }
        return count;
    }

    private static EngineOptions salted(String salt) {
        return EngineOptions.builder().cacheSalt(salt).build();
    }

    private static EngineOptions fields(String name, Object value) {
        return EngineOptions.builder().fields(Map.of(name, value)).build();
    }

    private static EngineOptions fields(String name, Object value, String other, Object otherValue) {
        return EngineOptions.builder()
                .fields(Map.of(name, value, other, otherValue))
                .build();
    }

    private static GenerationResult generate(
            VllmEngine engine,
            Prompt prompt,
            Function<SamplingParameters.Builder, SamplingParameters.Builder> parameters) {
        return generate(engine, prompt, parameters, EngineOptions.NONE);
    }

    private static GenerationResult generate(
            VllmEngine engine,
            Prompt prompt,
            Function<SamplingParameters.Builder, SamplingParameters.Builder> parameters,
            EngineOptions options) {
        return engine.generate(request(prompt, parameters, options).build());
    }

    /** Greedy, 20 tokens, unless the parameters say otherwise. */
    private static GenerationRequest.Builder request(
            Prompt prompt,
            Function<SamplingParameters.Builder, SamplingParameters.Builder> parameters,
            EngineOptions options) {
        return GenerationRequest.builder()
                .prompt(prompt)
                .parameters(parameters
                        .apply(SamplingParameters.builder().temperature(0).maxTokens(20))
                        .build())
                .engineOptions(options);
    }
}
