package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.RepetitionDetection;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.GenerationPlan.Placement;
import dev.tempera.engine.GenerationPlan.Stage;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.StructuredOutput;
import dev.tempera.engine.Tool;
import dev.tempera.processor.MinP;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.testkit.ByteTokenizer;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PlannerTest {
    private static final Planner TEXT = new Planner(Servers.RECENT, new Planner.Client(null, false, null));

    @Test
    void everyParameterOfTheServerIsSentByItsName() {
        SamplingParameters parameters = SamplingParameters.builder()
                .temperature(0.7)
                .topP(0.9)
                .topK(40)
                .minP(0.05)
                .repetitionPenalty(1.1)
                .presencePenalty(0.2)
                .frequencyPenalty(-0.3)
                .logitBias(Map.of(5, 1.5))
                .allowedTokenIds(List.of(5, 6))
                .badWords(List.of("no"))
                .minTokens(2)
                .maxTokens(10)
                .stop(List.of("\n"))
                .stopTokenIds(List.of(7))
                .seed(3)
                .ignoreEos(true)
                .build();
        Planned planned = TEXT.plan(GenerationRequest.of(new Prompt.Text("Hi"), parameters));
        assertThat(planned.plan().stages()).extracting(Stage::placement).containsOnly(Placement.DELEGATED);
        assertThat(planned.route()).isEqualTo(Route.COMPLETIONS);
        assertThat(planned.toSend(new PromptBody.Text("Hi"), -1).sampling())
                .containsEntry("temperature", 0.7)
                .containsEntry("top_p", 0.9)
                .containsEntry("top_k", 40)
                .containsEntry("min_p", 0.05)
                .containsEntry("repetition_penalty", 1.1)
                .containsEntry("presence_penalty", 0.2)
                .containsEntry("frequency_penalty", -0.3)
                .containsEntry("logit_bias", Map.of(5, 1.5))
                .containsEntry("allowed_token_ids", List.of(5, 6))
                .containsEntry("bad_words", List.of("no"))
                .containsEntry("min_tokens", 2)
                .containsEntry("max_tokens", 10)
                .containsEntry("stop", List.of("\n"))
                .containsEntry("stop_token_ids", List.of(7))
                .containsEntry("seed", 3L)
                .containsEntry("ignore_eos", true);
    }

    /** Or the server's generation_config.json would fill the gaps. */
    @Test
    void whatIsNotSetIsSentAtItsNeutralValue() {
        Planned planned = TEXT.plan(GenerationRequest.of(new Prompt.Text("Hi"), SamplingParameters.NEUTRAL));
        assertThat(planned.sampling())
                .isEqualTo(Map.of(
                        "temperature", 1.0,
                        "top_p", 1.0,
                        "top_k", 0,
                        "min_p", 0.0,
                        "repetition_penalty", 1.0,
                        "presence_penalty", 0.0,
                        "frequency_penalty", 0.0,
                        "min_tokens", 0,
                        "ignore_eos", false,
                        "skip_special_tokens", true));
    }

    /** Chats list as many tokens as are asked for, the drawn one among them even if it is none of the likeliest. */
    @Test
    void logprobs_leaveAPlaceForTheDrawnToken() {
        GenerationRequest.Builder request = GenerationRequest.builder().prompt(Prompt.chat("Hi"));
        assertThat(TEXT.plan(request.logprobs(3).build()).sampling()).containsEntry("logprobs", 4);
        assertThat(TEXT.plan(request.logprobs(0).build()).sampling()).containsEntry("logprobs", 0);
        Planned full = TEXT.plan(request.logprobs(20).build());
        assertThat(full.sampling()).containsEntry("logprobs", 20);
        assertThat(full.plan().toString())
                .contains("takes the place of the last of them")
                .contains("; not exact");
        assertThat(TEXT.plan(request.prompt(new Prompt.Text("Hi")).logprobs(3).build())
                        .sampling())
                .containsEntry("logprobs", 3);
    }

    @Test
    void lengthOfTheServersPrompt_isTheServersMatter() {
        PromptBody prompt = new PromptBody.Text("Hi");
        SamplingParameters much =
                SamplingParameters.builder().maxTokens(1_000_000).build();
        Planned some = TEXT.plan(GenerationRequest.of(new Prompt.Text("Hi"), much));
        assertThat(some.toSend(prompt, -1).sampling()).containsEntry("max_tokens", Servers.RECENT.contextLength());
        Planned all = TEXT.plan(GenerationRequest.of(new Prompt.Text("Hi"), SamplingParameters.NEUTRAL));
        assertThat(all.toSend(prompt, -1).sampling()).containsEntry("max_tokens", Servers.RECENT.contextLength());
        Planned chat = TEXT.plan(GenerationRequest.of(Prompt.chat("Hi"), SamplingParameters.NEUTRAL));
        assertThat(chat.toSend(prompt, -1).sampling()).doesNotContainKey("max_tokens");
    }

    /** The server gives /inference/v1/generate --max-num-seqs texts at most, and does not tell how many that is. */
    @Test
    void severalTexts_goWhereTheirNumberHasNoSuchLimit() {
        Planner tokens = new Planner(Servers.RECENT, new Planner.Client(new ByteTokenizer(), false, null));
        GenerationRequest request = GenerationRequest.of(new Prompt.Text("Hi"), SamplingParameters.NEUTRAL);
        assertThat(tokens.plan(request).route()).isEqualTo(Route.GENERATE);
        assertThat(tokens.plan(request, 2).route()).isEqualTo(Route.COMPLETIONS);
    }

    private static Planner planner(Capabilities server) {
        return new Planner(server, new Planner.Client(new ByteTokenizer(), false, null));
    }

    private static Capabilities old(String version) {
        return Servers.of(
                version,
                Capabilities.Frontend.PYTHON_OLD,
                Capabilities.TokenRoute.NONE,
                20,
                Logprobs.Stage.RAW_LOGPROBS);
    }

    private static GenerationRequest.Builder text() {
        return GenerationRequest.builder().prompt(new Prompt.Text("hi"));
    }

    private static Stage stage(Planned planned, String name) {
        return planned.plan().stages().stream()
                .filter(stage -> stage.stage().startsWith(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void theRouteIsOneThatHasEveryField() {
        Planner planner = planner(Servers.RECENT);
        assertThat(planner.plan(text().build()).route()).isEqualTo(Route.GENERATE);
        assertThat(planner.plan(text().engineOptions(
                                        VllmOptions.builder().echo(true).build())
                                .build())
                        .route())
                .isEqualTo(Route.COMPLETIONS);
        assertThat(planner.plan(text().prompt(Prompt.chat("hi")).build()).route())
                .isEqualTo(Route.GENERATE);
        assertThat(planner.plan(text().prompt(Prompt.chat("hi"))
                                .engineOptions(VllmOptions.builder()
                                        .reasoningEffort("low")
                                        .build())
                                .build())
                        .route())
                .isEqualTo(Route.CHAT);
        assertThat(planner(old("0.12.0")).plan(text().build()).route()).isEqualTo(Route.COMPLETIONS);
        assertThat(TEXT.plan(text().prompt(Prompt.chat("hi")).build()).route()).isEqualTo(Route.CHAT);
    }

    @Test
    void toolsGoToTheServersParser() {
        Prompt tools =
                new Prompt.Chat(List.of(ChatMessage.user("hi")), List.of(new Tool("weather", "of a town", Map.of())));
        Planned planned = planner(Servers.RECENT)
                .plan(text().prompt(tools)
                        .engineOptions(VllmOptions.builder().toolChoice("auto").build())
                        .build());
        assertThat(planned.route()).isEqualTo(Route.CHAT);
        assertThat(planned.tokenNative()).isFalse();
        assertThat(planned.other()).containsEntry("tool_choice", "auto");
        assertThat(stage(planned, "tools").placement()).isEqualTo(Placement.DELEGATED);
    }

    @Test
    void aFieldThatTheRouteDoesNotHaveIsRefused() {
        Planned planned = planner(Servers.RECENT)
                .plan(text().engineOptions(
                                VllmOptions.builder().documents(List.of()).build())
                        .build());
        assertThat(stage(planned, "documents").placement()).isEqualTo(Placement.REJECTED);
        assertThat(stage(planned, "documents").reason())
                .isEqualTo("only /v1/chat/completions takes it, and this request goes to /v1/completions");
    }

    @Test
    void aFieldThatNobodyKnowsIsSentAndSaidSo() {
        Planned planned = planner(Servers.RECENT)
                .plan(text().engineOptions(
                                VllmOptions.builder().field("some_field", 3).build())
                        .build());
        assertThat(planned.other()).containsEntry("some_field", 3);
        assertThat(stage(planned, "some_field").exact()).isFalse();
        assertThat(stage(planned, "some_field").reason()).contains("ignores names that it does not know");
    }

    @Test
    void whatIsAnsweredAsAWholeIsNotStreamed() {
        Planned planned = planner(Servers.RECENT)
                .plan(text().engineOptions(
                                VllmOptions.builder().promptLogprobs(1).build())
                        .build());
        assertThat(planned.streamed()).isFalse();
        assertThat(planner(Servers.RECENT).plan(text().build()).streamed()).isTrue();
    }

    @Test
    void moreThanFourStopStringsAreLookedForHere() {
        SamplingParameters five = SamplingParameters.builder()
                .stop(List.of("a", "b", "c", "d", "e"))
                .stopRegex(List.of("x+"))
                .maxTime(2)
                .build();
        Planned planned = planner(Servers.RECENT).plan(text().parameters(five).build());
        assertThat(planned.sampling()).doesNotContainKeys("stop", "stop_regex", "max_time");
        for (String name : List.of("stop [", "stop_regex", "max_time")) {
            assertThat(stage(planned, name).placement()).isEqualTo(Placement.CLIENT_SIDE);
            assertThat(stage(planned, name).cost())
                    .isEqualTo("the server may generate a few tokens more than are used");
        }
    }

    @Test
    void olderServers() {
        SamplingParameters repetition = SamplingParameters.builder()
                .repetitionDetection(new RepetitionDetection(3, 1, 2))
                .build();
        assertThat(planner(Servers.RECENT)
                        .plan(text().parameters(repetition).build())
                        .sampling())
                .containsEntry(
                        "repetition_detection", Map.of("max_pattern_size", 3, "min_pattern_size", 1, "min_count", 2));
        Planned old = planner(old("0.16.1")).plan(text().parameters(repetition).build());
        assertThat(old.sampling()).doesNotContainKey("repetition_detection");
        assertThat(stage(old, "repetition_detection").placement()).isEqualTo(Placement.CLIENT_SIDE);

        SamplingParameters thinking =
                SamplingParameters.builder().thinkingTokenBudget(9).build();
        assertThat(stage(planner(old("0.19.0")).plan(text().parameters(thinking).build()), "Thinking"))
                .satisfies(stage -> assertThat(stage.reason()).isEqualTo("vLLM has it since 0.20, this is 0.19.0"))
                .satisfies(stage -> assertThat(stage.placement()).isEqualTo(Placement.REJECTED));
    }

    @Test
    void structuredOutputsByTheNameOfTheVersion() {
        EngineOptions regex = EngineOptions.builder()
                .structuredOutput(new StructuredOutput.Regex("a+"))
                .build();
        assertThat(planner(Servers.RECENT)
                        .plan(text().engineOptions(regex).build())
                        .sampling())
                .containsEntry("structured_outputs", Map.of("regex", "a+"));
        assertThat(planner(old("0.10.0"))
                        .plan(text().engineOptions(regex).build())
                        .sampling())
                .containsEntry("guided_regex", "a+")
                .doesNotContainKey("structured_outputs");
        EngineOptions tag = EngineOptions.builder()
                .structuredOutput(new StructuredOutput.StructuralTag(Map.of("type", "structural_tag")))
                .build();
        assertThat(planner(Servers.RECENT)
                        .plan(text().engineOptions(tag).build())
                        .sampling())
                .containsEntry("structured_outputs", Map.of("structural_tag", "{\"type\":\"structural_tag\"}"));
        assertThat(stage(planner(old("0.10.0")).plan(text().engineOptions(tag).build()), "structured_output")
                        .placement())
                .isEqualTo(Placement.REJECTED);
    }

    /** What the server would do to a step is not in the log-probabilities that it shows. */
    @Test
    void ifOneProcessorRunsHereAllDo() {
        SamplingPipeline pipeline = SamplingPipeline.of(new Temperature(0.7), new TopK(5), new MinP(0.1, 1));
        Planned planned = planner(Servers.RECENT)
                .plan(text().pipeline(pipeline)
                        .parameters(
                                SamplingParameters.builder().stop(List.of("x")).build())
                        .build());
        assertThat(planned.plan().stages())
                .extracting(Stage::placement)
                .containsExactly(
                        Placement.STEPWISE,
                        Placement.STEPWISE,
                        Placement.STEPWISE,
                        Placement.STEPWISE,
                        Placement.CLIENT_SIDE);
        assertThat(stage(planned, "MinP").reason()).startsWith("the server runs min_p before top_k; ");
        assertThat(stage(planned, "Temperature").reason()).startsWith("the others cannot run on the server; ");
        assertThat(planned.plan().stages()).allMatch(Stage::exact); // behind top_k
    }

    @Test
    void whatKeepsProcessorsFromRunningHere() {
        SamplingPipeline pipeline = SamplingPipeline.of(new TopK(5), new MinP(0.1, 1));
        assertThat(stage(TEXT.plan(text().pipeline(pipeline).build()), "MinP").reason())
                .isEqualTo(
                        "the server runs min_p before top_k; and to run it here the engine needs the model's tokenizer:"
                                + " builder.tokenizer(...)");
        Planner planner = planner(Servers.RECENT);
        assertThat(stage(planner.plan(text().pipeline(pipeline).build(), 2), "MinP")
                        .reason())
                .endsWith("and here one text is generated at a time");
        EngineOptions json = EngineOptions.builder()
                .structuredOutput(new StructuredOutput.JsonObject())
                .build();
        assertThat(stage(
                                planner.plan(text().pipeline(pipeline)
                                        .engineOptions(json)
                                        .build()),
                                "MinP")
                        .reason())
                .contains("not possible with structured output");
    }

    @Test
    void parametersInForce() {
        SamplingParameters parameters = SamplingParameters.builder()
                .temperature(0.001)
                .logitBias(Map.of(1, 300.0))
                .maxTokens(5000)
                .build();
        Planned planned =
                planner(Servers.RECENT).plan(text().parameters(parameters).build());
        assertThat(planned.effective(24))
                .isEqualTo(SamplingParameters.builder()
                        .temperature(0.01)
                        .logitBias(Map.of(1, 100.0))
                        .maxTokens(1000)
                        .build());
    }

    @Test
    void adaptersAreNamedAsTheModel() {
        Planned planned = planner(Servers.RECENT)
                .plan(text().engineOptions(
                                EngineOptions.builder().lora("adapter").build())
                        .build());
        assertThat(planned.other()).containsEntry("model", "adapter");
    }

    @Test
    void severalTextsAreOneRequest() {
        assertThat(planner(Servers.RECENT).plan(text().build(), 3).sampling()).containsEntry("n", 3);
    }
}
