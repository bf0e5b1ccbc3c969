package dev.tempera.testkit.vllm;

import static dev.tempera.testkit.vllm.HttpCalls.ask;
import static dev.tempera.testkit.vllm.HttpCalls.events;
import static dev.tempera.testkit.vllm.HttpCalls.get;
import static dev.tempera.testkit.vllm.HttpCalls.json;
import static dev.tempera.testkit.vllm.HttpCalls.post;
import static dev.tempera.testkit.vllm.HttpCalls.text;
import static dev.tempera.testkit.vllm.HttpCalls.tokenIds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tempera.testkit.ByteTokenizer;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** That what the fake generates is consistent: between routes, streamed and whole, and with what was asked. */
@Timeout(60)
class FakeVllmTest {
    private static final String COMPLETIONS = "/v1/completions";
    private static final String CHAT = "/v1/chat/completions";
    private static final String GENERATE = "/inference/v1/generate";

    private static FakeVllm server;

    @BeforeAll
    static void start() {
        server = FakeVllm.start();
    }

    @AfterAll
    static void close() {
        server.close();
    }

    private static JsonNode completion(String fields) {
        return ask(server, COMPLETIONS, "{\"prompt\":\"Hello\"," + fields + "}")
                .path("choices")
                .path(0);
    }

    @Test
    void greedy_isTheSameOnEveryRoute_streamedAndWhole() {
        String greedy = "\"temperature\":0,\"max_tokens\":30,\"ignore_eos\":true";
        JsonNode whole = completion(greedy + ",\"return_token_ids\":true");
        List<JsonNode> streamed = events(
                server, COMPLETIONS, "{\"prompt\":\"Hello\",\"stream\":true,\"return_token_ids\":true," + greedy + "}");
        List<JsonNode> generated = events(
                server,
                GENERATE,
                "{\"token_ids\":[72,101,108,108,111],\"stream\":true,\"sampling_params\":{" + greedy + "}}");

        assertThat(whole.path("text").asText()).isEqualTo(text(streamed, 0)).isNotEmpty();
        assertThat(tokenIds(streamed, 0)).hasSize(30).isEqualTo(tokenIds(generated, 0));
        assertThat(whole.path("token_ids")).hasSize(30);
        assertThat(streamed.get(0).at("/choices/0/prompt_token_ids").toString()).isEqualTo("[72,101,108,108,111]");
    }

    @Test
    void sampled_dependsOnTheSeedAlone() {
        String fields = "\"temperature\":1.2,\"max_tokens\":40,\"ignore_eos\":true,\"seed\":";

        assertThat(completion(fields + 7)).isEqualTo(completion(fields + 7)).isNotEqualTo(completion(fields + 8));
    }

    @Test
    void request_behindTheTokensOfAnother_goesOnAsItWould() {
        JsonNode whole =
                completion("\"temperature\":0,\"max_tokens\":20,\"return_token_ids\":true,\"ignore_eos\":true");
        String ids = whole.path("token_ids").toString();
        String firstTen = String.join(
                ",", List.of(ids.substring(1, ids.length() - 1).split(",")).subList(0, 10));
        JsonNode rest = ask(
                        server,
                        COMPLETIONS,
                        "{\"prompt\":[72,101,108,108,111," + firstTen + "],\"temperature\":0,\"max_tokens\":10,"
                                + "\"return_token_ids\":true,\"ignore_eos\":true}")
                .at("/choices/0/token_ids");

        assertThat(ids).isEqualTo("[" + firstTen + "," + rest.toString().substring(1));
    }

    @Test
    void choices_haveSeedsInARow() {
        JsonNode answer = ask(
                server, COMPLETIONS, "{\"prompt\":\"Hello\",\"n\":3,\"seed\":5,\"temperature\":1,\"max_tokens\":20}");

        assertThat(answer.path("choices")).hasSize(3);
        for (int i = 0; i < 3; i++) {
            assertThat(answer.path("choices").path(i).path("text"))
                    .isEqualTo(completion("\"temperature\":1,\"max_tokens\":20,\"seed\":" + (5 + i))
                            .path("text"));
        }
    }

    @Test
    void prompts_several_areAnsweredInOrder() {
        JsonNode answer =
                ask(server, COMPLETIONS, "{\"prompt\":[\"Hello\",\"World\"],\"temperature\":0,\"max_tokens\":9}");

        assertThat(answer.path("choices")).hasSize(2);
        assertThat(answer.at("/choices/0/text"))
                .isEqualTo(completion("\"temperature\":0,\"max_tokens\":9").path("text"));
        assertThat(answer.at("/choices/1/index").asInt()).isEqualTo(1);
        assertThat(answer.at("/usage/prompt_tokens").asInt()).isEqualTo(10);
    }

    @Test
    void stopString_endsTheText_andIsNamed() {
        String text = completion("\"temperature\":0,\"max_tokens\":40,\"ignore_eos\":true")
                .path("text")
                .asText();
        String stop = text.substring(6, 8);
        String fields = "\"temperature\":0,\"max_tokens\":40,\"ignore_eos\":true,\"stop\":[\"" + stop + "\"]";
        JsonNode stopped = completion(fields);
        JsonNode including = completion(fields + ",\"include_stop_str_in_output\":true");

        assertThat(stopped.path("text").asText()).isEqualTo(text.substring(0, text.indexOf(stop)));
        assertThat(stopped.path("finish_reason").asText()).isEqualTo("stop");
        assertThat(stopped.path("stop_reason").asText()).isEqualTo(stop);
        assertThat(including.path("text").asText()).isEqualTo(text.substring(0, text.indexOf(stop) + stop.length()));
        assertThat(text(events(server, COMPLETIONS, "{\"prompt\":\"Hello\",\"stream\":true," + fields + "}"), 0))
                .isEqualTo(stopped.path("text").asText());
    }

    @Test
    void stopTokenId_isNamed_endOfTurnIsNot() {
        try (FakeVllm saying = FakeVllm.builder().saying("Hi there").start()) {
            JsonNode byId = ask(saying, COMPLETIONS, "{\"prompt\":\".\",\"stop_token_ids\":[" + (int) 'e' + "]}");
            JsonNode byEnd = ask(saying, COMPLETIONS, "{\"prompt\":\".\"}");

            assertThat(byId.at("/choices/0/text").asText()).isEqualTo("Hi th");
            assertThat(byId.at("/choices/0/stop_reason").asInt()).isEqualTo('e');
            assertThat(byEnd.at("/choices/0/text").asText()).isEqualTo("Hi there");
            assertThat(byEnd.at("/choices/0/finish_reason").asText()).isEqualTo("stop");
            assertThat(byEnd.at("/choices/0/stop_reason").isNull()).isTrue();
            assertThat(byEnd.at("/usage/completion_tokens").asInt()).isEqualTo("Hi there".length() + 1);
        }
    }

    @Test
    void logprobs_areAShareOfOne_andListTheChosenFirst() {
        try (FakeVllm unlimited = FakeVllm.builder().maxLogprobs(-1).start()) {
            JsonNode all = ask(
                            unlimited,
                            GENERATE,
                            "{\"token_ids\":[72],\"sampling_params\":{\"logprobs\":-1,\"max_tokens\":1,\"seed\":3}}")
                    .at("/choices/0/logprobs/content/0");
            double sum = 0;
            for (JsonNode entry : all.path("top_logprobs")) {
                sum += Math.exp(entry.path("logprob").asDouble());
            }
            assertThat(all.path("top_logprobs")).hasSize(258);
            assertThat(sum).isCloseTo(1, within(1e-5));
            assertThat(all.at("/top_logprobs/0/token_id")).isEqualTo(all.path("token_id"));
            assertThat(all.at("/top_logprobs/1/rank").asInt()).isBetween(1, 2);
        }
    }

    @Test
    void logprobs_haveTheShapeOfTheirRoute() {
        String fields = "\"temperature\":0,\"max_tokens\":2,\"ignore_eos\":true";
        JsonNode completion = completion(fields + ",\"logprobs\":2,\"return_tokens_as_token_ids\":true")
                .path("logprobs");
        JsonNode chat = ask(
                        server,
                        CHAT,
                        "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"logprobs\":true,\"top_logprobs\":2,"
                                + fields + "}")
                .at("/choices/0/logprobs/content/0");
        JsonNode ids = ask(server, GENERATE, "{\"token_ids\":[72],\"sampling_params\":{\"logprobs\":2," + fields + "}}")
                .at("/choices/0/logprobs/content/0");

        assertThat(completion.at("/tokens/0").asText()).startsWith("token_id:");
        assertThat(completion.at("/top_logprobs/0")).hasSize(2);
        assertThat(chat.path("top_logprobs")).hasSize(2);
        assertThat(chat.at("/top_logprobs/0/bytes")).isNotEmpty();
        assertThat(ids.path("rank").asInt()).isEqualTo(1);
        try (FakeVllm older = FakeVllm.builder()
                .generateRoute(FakeVllm.GenerateRoute.TOKEN_ID_STRINGS)
                .start()) {
            JsonNode strings = ask(
                            older, GENERATE, "{\"token_ids\":[72],\"sampling_params\":{\"logprobs\":2," + fields + "}}")
                    .at("/choices/0/logprobs/content/0");
            assertThat(strings.path("token").asText()).isEqualTo("token_id:" + ids.path("token_id"));
            assertThat(strings.path("logprob")).isEqualTo(ids.path("logprob"));
        }
    }

    @Test
    void logprobsMode_saysWhatTheNumbersAre() {
        String body =
                "{\"prompt\":\"Hello\",\"temperature\":0.5,\"top_k\":2,\"seed\":1,\"max_tokens\":1,\"logprobs\":3}";
        for (FakeVllm.LogprobsMode mode : FakeVllm.LogprobsMode.values()) {
            try (FakeVllm other = FakeVllm.builder().logprobsMode(mode).start()) {
                JsonNode top = ask(other, COMPLETIONS, body).at("/choices/0/logprobs/top_logprobs/0");
                double sum = 0;
                boolean cut = false;
                for (JsonNode value : top) {
                    sum += Math.exp(value.asDouble());
                    cut |= value.asDouble() == -9999;
                }
                assertThat(cut).as("%s shows what top_k cut", mode).isEqualTo(mode.processed);
                if (mode == FakeVllm.LogprobsMode.PROCESSED_LOGPROBS) {
                    assertThat(sum).isCloseTo(1, within(1e-5));
                } else {
                    assertThat(sum > 1).as("%s gives logits", mode).isEqualTo(!mode.normalized);
                }
            }
        }
    }

    @Test
    void usage_isCounted_andStreamedWhereAsked() {
        List<JsonNode> events = events(
                server,
                COMPLETIONS,
                "{\"prompt\":\"Hello\",\"max_tokens\":4,\"ignore_eos\":true,\"stream\":true,"
                        + "\"stream_options\":{\"include_usage\":true,\"continuous_usage_stats\":true}}");
        JsonNode last = events.get(events.size() - 1);

        assertThat(events.get(0).at("/usage/completion_tokens").asInt()).isEqualTo(1);
        assertThat(last.path("choices")).isEmpty();
        assertThat(last.path("usage").toString())
                .isEqualTo("{\"prompt_tokens\":5,\"total_tokens\":9,\"completion_tokens\":4}");
    }

    @Test
    void chat_beginsWithTheRole_andContinuesTheRenderedPrompt() {
        String messages = "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]";
        List<JsonNode> events = events(
                server,
                CHAT,
                "{" + messages + ",\"temperature\":0,\"max_tokens\":20,\"stream\":true,\"return_token_ids\":true}");
        JsonNode tokens = ask(server, "/tokenize", "{" + messages + "}").path("tokens");
        JsonNode completion =
                ask(server, COMPLETIONS, "{\"prompt\":" + tokens + ",\"temperature\":0,\"max_tokens\":20}");

        assertThat(events.get(0).at("/choices/0/delta").toString())
                .isEqualTo("{\"role\":\"assistant\",\"content\":\"\"}");
        assertThat(events.get(0).path("prompt_token_ids")).isEqualTo(tokens);
        assertThat(text(events, 0)).isEqualTo(completion.at("/choices/0/text").asText());
    }

    @Test
    void toolsReasoningAndStructure_areAnsweredAsTold() {
        try (FakeVllm told = FakeVllm.builder()
                .toolCall("weather", "{\"city\": \"Köln\"}")
                .reasoning("Let me think. ")
                .structuredText("{\"a\": 1}")
                .start()) {
            String ask = "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"max_tokens\":60";
            JsonNode tool = ask(told, CHAT, ask + ",\"tools\":[{\"type\":\"function\"}]}")
                    .at("/choices/0");
            List<JsonNode> streamed = events(told, CHAT, ask + ",\"stream\":true,\"tools\":[{\"type\":\"function\"}]}");
            StringBuilder arguments = new StringBuilder();
            streamed.forEach(event -> arguments.append(
                    event.at("/choices/0/delta/tool_calls/0/function/arguments").asText("")));
            JsonNode thought = ask(told, CHAT, ask + "}").at("/choices/0/message");

            assertThat(tool.at("/message/tool_calls/0/function").toString())
                    .isEqualTo("{\"name\":\"weather\",\"arguments\":\"{\\\"city\\\": \\\"Köln\\\"}\"}");
            assertThat(tool.path("finish_reason").asText()).isEqualTo("tool_calls");
            assertThat(arguments).hasToString("{\"city\": \"Köln\"}");
            assertThat(thought.path("reasoning").asText()).isEqualTo("Let me think. ");
            assertThat(ask(told, COMPLETIONS, "{\"prompt\":\"x\",\"structured_outputs\":{\"regex\":\"a\"}}")
                            .at("/choices/0/text")
                            .asText())
                    .isEqualTo("{\"a\": 1}");
            assertThat(ask(told, COMPLETIONS, "{\"prompt\":\"x\",\"structured_outputs\":{\"choice\":[\"yes\",\"no\"]}}")
                            .at("/choices/0/text")
                            .asText())
                    .isIn("yes", "no");
        }
    }

    @Test
    void defaults_fillOnlyWhatIsLeftOut_andOnlyOnTheOpenAiRoutes() {
        try (FakeVllm greedy =
                FakeVllm.builder().defaults(Map.of("temperature", 0)).start()) {
            String body = "{\"prompt\":\"Hello\",\"max_tokens\":30,\"ignore_eos\":true";
            JsonNode left = ask(greedy, COMPLETIONS, body + ",\"seed\":4}").at("/choices/0/text");
            JsonNode given = ask(greedy, COMPLETIONS, body + ",\"seed\":4,\"temperature\":1}")
                    .at("/choices/0/text");
            String generate = "{\"token_ids\":[72,101,108,108,111],\"output_mode\":\"text\","
                    + "\"sampling_params\":{\"max_tokens\":30,\"ignore_eos\":true,\"seed\":4}}";

            assertThat(left)
                    .isEqualTo(ask(greedy, COMPLETIONS, body + ",\"seed\":5}").at("/choices/0/text"));
            assertThat(given).isNotEqualTo(left);
            assertThat(ask(greedy, GENERATE, generate).at("/choices/0/text")).isEqualTo(given);
        }
    }

    @Test
    void otherRoutes_answerAsVllm() {
        assertThat(json(get(server, "/version")).path("version").asText()).isEqualTo("0.32.0");
        assertThat(json(get(server, "/v1/models")).at("/data/0/max_model_len").asInt())
                .isEqualTo(512);
        assertThat(get(server, "/health").statusCode()).isEqualTo(200);
        assertThat(get(server, "/metrics").body())
                .contains("vllm:num_requests_running{engine=\"0\",model_name=\"fake\"} 0.0\n");
        assertThat(json(get(server, "/load")).path("server_load").asInt()).isZero();
        assertThat(ask(server, "/tokenize", "{\"prompt\":\"é<|im_end|>\",\"return_token_strs\":true}")
                        .toString())
                .startsWith("{\"count\":3,\"max_model_len\":512,\"tokens\":[195,169,257],");
        assertThat(ask(server, "/detokenize", "{\"tokens\":[195,169]}")
                        .path("prompt")
                        .asText())
                .isEqualTo("é");
        HttpResponse<String> nothing = get(server, "/v1/nothing");
        assertThat(nothing.statusCode()).isEqualTo(404);
        assertThat(nothing.body()).isEqualTo("{\"detail\":\"Not Found\"}");
        assertThat(get(server, COMPLETIONS).statusCode()).isEqualTo(405);
    }

    @Test
    void requests_areShown() {
        server.clearRequests();
        post(server, COMPLETIONS, "{\"prompt\":\"Hello\",\"top_k\":5}", "X-Request-Id", "abc");
        ReceivedRequest request = server.lastRequest(COMPLETIONS);

        assertThat(request.header("x-request-id")).isEqualTo("abc");
        assertThat(request.field("top_k")).isEqualTo(5);
        assertThat(server.requests()).hasSize(1);
        assertThat(Objects.requireNonNull(request.json())).containsEntry("prompt", "Hello");
    }

    @Test
    void prerendered_isTheSameBytes() {
        String body = "{\"prompt\":\"Hello\",\"max_tokens\":50,\"stream\":true,\"seed\":1}";
        try (FakeVllm rendering = FakeVllm.builder().prerendered(true).start()) {
            String first = post(rendering, COMPLETIONS, body).body();

            assertThat(post(rendering, COMPLETIONS, body).body())
                    .isEqualTo(first)
                    .endsWith("data: [DONE]\n\n");
            assertThat(rendering.finished()).isEqualTo(2);
        }
    }

    @Test
    void specialTokens_areShownOnlyIfAsked() {
        try (FakeVllm saying = FakeVllm.builder().saying("a").start()) {
            String body = "{\"prompt\":\".\",\"max_tokens\":2,\"ignore_eos\":true,\"temperature\":0";

            assertThat(ask(saying, COMPLETIONS, body + "}")
                            .at("/choices/0/text")
                            .asText())
                    .isEqualTo("a");
            assertThat(ask(saying, COMPLETIONS, body + ",\"skip_special_tokens\":false}")
                            .at("/choices/0/text")
                            .asText())
                    .isEqualTo("a" + new ByteTokenizer().token(ByteTokenizer.END_OF_TURN));
        }
    }
}
