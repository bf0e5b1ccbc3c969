package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.StructuredOutput;
import dev.tempera.processor.AllowedTokens;
import dev.tempera.processor.LogitBias;
import dev.tempera.testkit.ByteTokenizer;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LimitsTest {
    private static final Capabilities RUST = Servers.of(
            "0.32.0",
            Capabilities.Frontend.RUST,
            Capabilities.TokenRoute.NUMBERED_TOKENS,
            20,
            Logprobs.Stage.RAW_LOGPROBS);

    private static List<String> problems(GenerationRequest.Builder request, int texts, Capabilities server) {
        return Limits.problems(request.build(), texts, server, new ByteTokenizer());
    }

    private static List<String> problems(SamplingParameters.Builder parameters) {
        return problems(text().parameters(parameters.build()), 1, Servers.RECENT);
    }

    private static List<String> problems(EngineOptions options) {
        return problems(text().engineOptions(options), 1, Servers.RECENT);
    }

    private static List<String> field(String name, Object value) {
        return problems(EngineOptions.builder().fields(Map.of(name, value)).build());
    }

    private static GenerationRequest.Builder text() {
        return GenerationRequest.builder().prompt(new Prompt.Text("hi"));
    }

    @Test
    void whatTheServerTakesIsNoProblem() {
        assertThat(problems(SamplingParameters.builder()
                        .stopTokenIds(List.of(257))
                        .logitBias(Map.of(5, 100.0))
                        .allowedTokenIds(List.of(1, 257))
                        .minTokens(2)
                        .maxTokens(2)))
                .isEmpty();
        assertThat(problems(EngineOptions.builder()
                        .lora("adapter")
                        .priority(-3)
                        .cacheSalt("aB-_9".repeat(25))
                        .requestId("r-1")
                        .sessionId("s.1")
                        .structuredOutput(new StructuredOutput.Choice(List.of("a", "b")))
                        .extraArguments(Map.of("a", 1, "b", "x", "c", List.of(1.5, "y")))
                        .build()))
                .isEmpty();
    }

    @Test
    void everyProblemIsInOneMessage() {
        Planner planner = new Planner(Servers.RECENT, new Planner.Client(new ByteTokenizer(), false, null));
        GenerationRequest request = text().logprobs(30)
                .parameters(
                        SamplingParameters.builder().stopTokenIds(List.of(999)).build())
                .engineOptions(EngineOptions.builder().cacheSalt("a/b").build())
                .build();
        assertThatThrownBy(() -> planner.plan(request))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessageContainingAll("stop_token_ids", "logprobs", "cache_salt");
    }

    @Test
    void tokenIdsBeyondTheVocabulary() {
        assertThat(problems(SamplingParameters.builder().stopTokenIds(List.of(5, 258))))
                .containsExactly("stop_token_ids must hold ids below 258 (the vocabulary), got 258");
        assertThat(problems(SamplingParameters.builder().logitBias(Map.of(300, 1.0))))
                .containsExactly("logit_bias must hold ids below 258 (the vocabulary), got 300");
        assertThat(problems(
                        text().pipeline(SamplingPipeline.of(new AllowedTokens(List.of(7, 400)))), 1, Servers.RECENT))
                .containsExactly("allowed_token_ids must hold ids below 258 (the vocabulary), got 400");
        assertThat(problems(
                        text().pipeline(SamplingPipeline.of(new LogitBias(new TreeMap<>(Map.of(401, 1.0))))),
                        1,
                        Servers.RECENT))
                .containsExactly("logit_bias must hold ids below 258 (the vocabulary), got 401");
        assertThat(problems(GenerationRequest.builder().prompt(new Prompt.Tokens(List.of(1, 258))), 1, Servers.RECENT))
                .containsExactly("the prompt must hold ids below 258 (the vocabulary), got 258");
        assertThat(Limits.problems(
                        text().parameters(SamplingParameters.builder()
                                        .stopTokenIds(List.of(999_999))
                                        .build())
                                .build(),
                        1,
                        Servers.RECENT,
                        null))
                .isEmpty(); // without a tokenizer the server says it
    }

    @Test
    void moreEndTokensThanTheServerHasPlacesFor() {
        List<Integer> many = IntStream.range(0, 121).boxed().toList();
        assertThat(problems(SamplingParameters.builder().stopTokenIds(many))).isEmpty();
        assertThat(problems(SamplingParameters.builder().stopTokenIds(many).minTokens(1)))
                .containsExactly(
                        "stop_token_ids must be at most 120 beside min_tokens, got 121: the server has 128 places,"
                                + " for the model's own end tokens, too, and more end the whole server");
    }

    @Test
    void minTokensThatCannotBeReached() {
        assertThat(problems(SamplingParameters.builder().minTokens(1024)))
                .containsExactly("min_tokens must be less than the context (1024), got 1024");
    }

    @Test
    void severalTexts() {
        assertThat(problems(text(), 0, Servers.RECENT)).containsExactly("n must be from 1 to 16384, got 0");
        assertThat(problems(text(), 16_385, Servers.RECENT)).containsExactly("n must be from 1 to 16384, got 16385");
        GenerationRequest.Builder greedy =
                text().parameters(SamplingParameters.builder().temperature(0).build());
        assertThat(problems(greedy, 2, Servers.RECENT))
                .containsExactly(
                        "n must be 1 when decoding is greedy (temperature 0), got 2: all texts would be the same");
        assertThat(problems(text(), 2, RUST))
                .containsExactly("n must be 1 on vLLM's Rust front end, got 2: send as many requests");
    }

    @Test
    void emptyPrompts() {
        assertThat(problems(GenerationRequest.builder().prompt(new Prompt.Text("")), 1, Servers.RECENT))
                .containsExactly("the prompt must not be empty");
        assertThat(problems(GenerationRequest.builder().prompt(new Prompt.Tokens(List.of())), 1, Servers.RECENT))
                .containsExactly("the prompt must have at least one token");
        assertThat(problems(GenerationRequest.builder().prompt(new Prompt.Chat(List.of())), 1, Servers.RECENT))
                .containsExactly("the prompt must have at least one message");
    }

    @Test
    void moreLogprobsThanTheServerLists() {
        assertThat(problems(text().logprobs(21), 1, Servers.RECENT))
                .containsExactly(
                        "logprobs must be at most 20 on this server, got 21: start it with a larger --max-logprobs");
        assertThat(problems(text().logprobs(21), 1, Servers.recent(-1, Logprobs.Stage.RAW_LOGPROBS)))
                .isEmpty();
        assertThat(field("prompt_logprobs", -1))
                .containsExactly(
                        "prompt_logprobs must be at most 20 on this server, got -1: start it with a larger --max-logprobs");
    }

    @Test
    void cacheSalt() {
        for (String salt : List.of("", "a".repeat(129), "a@b", "a/b", "a\\b", "a\0b")) {
            assertThat(problems(EngineOptions.builder().cacheSalt(salt).build()))
                    .containsExactly(
                            "cache_salt must have 1 to 128 characters, none of them @ / \\ or NUL (base64url has"
                                    + " none), got \"" + salt + "\"");
        }
    }

    @Test
    void namesThatTravelInHeaders() {
        assertThat(problems(EngineOptions.builder().requestId("a b").build()))
                .containsExactly("request_id must be 1 to 256 visible ASCII characters without spaces, got \"a b\"");
        assertThat(problems(EngineOptions.builder().sessionId("é\r\n").build()))
                .containsExactly("session_id must be 1 to 256 visible ASCII characters without spaces, got \"é\r\n\"");
    }

    @Test
    void anAdapterThatIsNotLoaded() {
        assertThat(problems(EngineOptions.builder().lora("other").build()))
                .containsExactly("lora must name an adapter that the server has loaded (adapter), got \"other\"");
    }

    @Test
    void extraArguments() {
        assertThat(problems(EngineOptions.builder()
                        .extraArguments(Map.of("k", Map.of("a", 1)))
                        .build()))
                .containsExactly("extra argument k must be a text, a number or a list of those, got {a=1}");
    }

    @Test
    void structuredOutputs() {
        assertThat(problems(EngineOptions.builder()
                        .structuredOutput(new StructuredOutput.Regex("a\0"))
                        .build()))
                .containsExactly("structured output: the regular expression must not hold NUL");
        assertThat(problems(EngineOptions.builder()
                        .structuredOutput(new StructuredOutput.Choice(List.of("a", "")))
                        .build()))
                .containsExactly("structured output: a choice must not be empty");
        Map<String, Object> schema = Map.of("type", "object");
        for (int i = 0; i < 64; i++) {
            schema = Map.of("items", schema);
        }
        assertThat(problems(EngineOptions.builder()
                        .structuredOutput(new StructuredOutput.JsonSchema(schema))
                        .build()))
                .containsExactly("structured output: the schema must nest at most 64 levels deep, got 65");
        assertThat(problems(EngineOptions.builder()
                        .structuredOutput(new StructuredOutput.JsonObject())
                        .fields(Map.of("response_format", Map.of("type", "text")))
                        .build()))
                .containsExactly("response_format and a structured output constrain the same text: give one of them");
    }

    @Test
    void fieldsOfAnotherShape() {
        assertThat(field("echo", "yes")).containsExactly("echo must be true or false, got yes");
        assertThat(field("stream_interval", 0))
                .containsExactly("stream_interval must be a whole number of at least 1, got 0");
        assertThat(field("truncation_side", "top"))
                .containsExactly("truncation_side must be \"left\" or \"right\", got top");
        assertThat(field("length_penalty", Double.NaN))
                .containsExactly("length_penalty must be a finite number, got NaN");
        assertThat(field("documents", "x")).containsExactly("documents must be a list, got x");
        assertThat(field("chat_template_kwargs", 1)).containsExactly("chat_template_kwargs must be a map, got 1");
        assertThat(field("tool_choice", 1)).containsExactly("tool_choice must be a text or a map, got 1");
        assertThat(field("reasoning_effort", 1)).containsExactly("reasoning_effort must be a text, got 1");
        assertThat(field("stepwise", true)).containsExactly("stepwise must be a Stepwise, got true");
    }

    @Test
    void fieldsThatAreSetElsewhere() {
        assertThat(field("temperature", 0.5))
                .containsExactly("temperature is not a further field: set it with SamplingParameters");
        assertThat(field("stream", true)).containsExactly("stream is not a further field: this client sets it");
        for (String own : BodyField.own()) {
            assertThat(field(own, 1)).singleElement().asString().startsWith(own + " is not a further field: ");
        }
    }

    @Test
    void labels() {
        assertThat(field("logprob_token_ids", List.of(1)))
                .containsExactly("logprob_token_ids needs logprobs in the request: they replace its likeliest tokens");
        GenerationRequest.Builder request = text().logprobs(1);
        assertThat(problems(
                        request.engineOptions(EngineOptions.builder()
                                .fields(Map.of(
                                        "logprob_token_ids",
                                        IntStream.range(0, 129).boxed().toList()))
                                .build()),
                        1,
                        Servers.RECENT))
                .containsExactly("logprob_token_ids must be at most 128 ids, got 129");
    }

    @Test
    void truncation() {
        assertThat(field("truncate_prompt_tokens", 1024))
                .containsExactly(
                        "truncate_prompt_tokens must be at most 1023 (the context without max_tokens), got 1024");
    }

    @Test
    void tools() {
        assertThat(field("tool_choice", "auto")).containsExactly("tool_choice needs tools: give them in Prompt.Chat");
        assertThat(field("continue_final_message", true))
                .containsExactly("continue_final_message needs add_generation_prompt false: the server refuses both");
    }

    @Test
    void beamsIgnoreMostOfSampling() {
        assertThat(problems(
                        text().parameters(SamplingParameters.builder()
                                        .temperature(0.5)
                                        .topP(0.9)
                                        .build())
                                .engineOptions(EngineOptions.builder()
                                        .fields(Map.of("use_beam_search", true))
                                        .build()),
                        1,
                        Servers.RECENT))
                .containsExactly(
                        "use_beam_search would ignore TopP[p=0.9, minKeep=1]: beams know the temperature only");
    }

    @Test
    void theRustFrontEnd() {
        GenerationRequest.Builder request = text().engineOptions(EngineOptions.builder()
                .fields(Map.of(
                        "length_penalty", 2.0, "truncate_prompt_tokens", 5, "spaces_between_special_tokens", false))
                .build());
        assertThat(problems(request, 1, RUST))
                .containsExactly(
                        "length_penalty is not known to vLLM's Rust front end",
                        "truncate_prompt_tokens is not known to vLLM's Rust front end",
                        "spaces_between_special_tokens must be true on vLLM's Rust front end");
    }

    @Test
    void aPromptThatFillsTheContext() {
        Planner planner = new Planner(Servers.RECENT, new Planner.Client(new ByteTokenizer(), false, null));
        Planned planned = planner.plan(GenerationRequest.of(
                new Prompt.Text("hi"),
                SamplingParameters.builder().maxTokens(50).build()));
        assertThat(planned.maxTokens(1000)).isEqualTo(24);
        assertThat(planned.effective(1000).maxTokens()).isEqualTo(24);
        assertThat(planned.toSend(new PromptBody.Ids(List.of(1)), 1000).sampling())
                .containsEntry("max_tokens", 24);
        assertThatThrownBy(() -> planned.maxTokens(1024))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("the prompt has 1024 tokens, base takes 1023 at most (a context of 1024, one of them to"
                        + " generate): shorten it");
    }
}
