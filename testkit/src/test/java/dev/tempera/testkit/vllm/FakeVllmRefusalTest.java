package dev.tempera.testkit.vllm;

import static dev.tempera.testkit.vllm.HttpCalls.ask;
import static dev.tempera.testkit.vllm.HttpCalls.json;
import static dev.tempera.testkit.vllm.HttpCalls.post;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** That the fake says no where vLLM does, and in its words. */
@Timeout(60)
class FakeVllmRefusalTest {
    private static FakeVllm server;

    @BeforeAll
    static void start() {
        server = FakeVllm.builder().adapters("poet").start();
    }

    @AfterAll
    static void close() {
        server.close();
    }

    /** Fields of a completion, then what vLLM 0.32.0 answered to them; as written down from a real server. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'temperature':5|temperature must be in [0, 2], got 5.0. (parameter=temperature, value=5.0)|temperature",
                "'temperature':-1|temperature must be non-negative, got -1.0. (parameter=temperature, value=-1.0)"
                        + "|temperature",
                "'top_p':0|top_p must be in (0, 1], got 0.0. (parameter=top_p, value=0.0)|top_p",
                "'top_k':-2|top_k must be 0 (disable), or at least 1, got -2.|null",
                "'min_p':2|min_p must be in [0, 1], got 2.0.|null",
                "'presence_penalty':3|presence_penalty must be in [-2, 2], got 3.0.|null",
                "'frequency_penalty':-3|frequency_penalty must be in [-2, 2], got -3.0.|null",
                "'repetition_penalty':0|repetition_penalty must be greater than zero, got 0.0.|null",
                "'max_tokens':0|max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)|max_tokens",
                "'max_tokens':5000|max_tokens=5000 cannot be greater than max_model_len=512. Please request fewer output"
                        + " tokens. (parameter=max_tokens, value=5000)|max_tokens",
                "'min_tokens':20|min_tokens must be less than or equal to max_tokens=16, got 20.|null",
                "'n':2,'temperature':0|n must be 1 when using greedy sampling, got 2.|null",
                "'n':0|n must be at least 1, got 0.|null",
                "'stop':['']|stop cannot contain an empty string.|null",
                "'bad_words':['']|bad_words cannot contain an empty string. Got bad_words=['']|null",
                "'logit_bias':{'99999':1}|token_id(s) [99999] in logit_bias contain out-of-vocab token ids. Vocabulary"
                        + " size: 258 (parameter=logit_bias, value=[99999])|logit_bias",
                "'logit_bias':{'x':1}|logit_bias contains key(s) that cannot be converted to integer token IDs: ['x']"
                        + " (parameter=logit_bias, value=['x'])|logit_bias",
                "'allowed_token_ids':[]|allowed_token_ids is not None and empty! (parameter=allowed_token_ids, value=[])"
                        + "|allowed_token_ids",
                "'allowed_token_ids':[999]|allowed_token_ids contains out-of-vocab token id!"
                        + " (parameter=allowed_token_ids, value=[999])|allowed_token_ids",
                "'stop_token_ids':[999]|token_id(s) [999] in stop_token_ids contain out-of-vocab token ids. Vocabulary"
                        + " size: 258 (parameter=stop_token_ids, value=[999])|stop_token_ids",
                "'logprobs':-2|`logprobs` must be a positive value or -1. (parameter=logprobs, value=-2)|logprobs",
                "'logprobs':21|Requested sample logprobs of 21, which is greater than max allowed: 20"
                        + " (parameter=logprobs, value=21)|logprobs",
                "'prompt_logprobs':1,'stream':true|`prompt_logprobs` are not available when `stream=True`."
                        + " (parameter=prompt_logprobs)|prompt_logprobs",
                "'stream_options':{'include_usage':true}|Stream options can only be defined when `stream=True`."
                        + " (parameter=stream_options)|stream_options",
                "'repetition_detection':{'max_pattern_size':2}|min_count must be >= 2 to detect repetitive patterns in"
                        + " engine output. If you do not wish to detect repetitive patterns, set max_pattern_size to 0."
                        + "|null",
                "'structured_outputs':{'choice':[]}|Choice '[]' cannot be an empty list|null",
                "'prompt':''|Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)|prompt",
                "'prompt':[1,999]|Token id 999 is out of vocabulary|null",
            },
            quoteCharacter = '"')
    void badParameter_isRefusedInVllmsWords(String fields, String message, String param) {
        String body = "{'prompt':'Hello'," + fields + "}";
        HttpResponse<String> response = post(server, "/v1/completions", body.replace('\'', '"'));
        JsonNode error = json(response).path("error");

        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(error.path("message").asText()).isEqualTo(message);
        assertThat(error.path("type").asText()).isEqualTo("BadRequestError");
        assertThat(error.path("param").asText()).isEqualTo(param);
        assertThat(error.path("code").asInt()).isEqualTo(400);
    }

    /** vLLM finds it only once the stream has begun. */
    @Test
    void tokenOutsideTheVocabulary_isRefusedInTheStream() {
        HttpResponse<String> response = post(server, "/v1/completions", "{\"prompt\":[999],\"stream\":true}");

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.body())
                .isEqualTo("data: {\"error\":{\"message\":\"Token id 999 is out of vocabulary\","
                        + "\"type\":\"BadRequestError\",\"param\":null,\"code\":400}}\n\ndata: [DONE]\n\n");
    }

    @Test
    void badTypes_areAllNamed() {
        JsonNode error = json(post(
                        server,
                        "/v1/completions",
                        "{\"prompt\":\"abc\",\"max_tokens\":\"x\",\"temperature\":[1],"
                                + "\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}"))
                .path("error");

        assertThat(error.path("type").asText()).isEqualTo("Bad Request");
        assertThat(error.path("message").asText())
                .startsWith("3 validation errors:\n")
                .contains("  {'type': 'int_parsing', 'loc': 'body.max_tokens', 'msg': 'Input should be a valid integer,"
                        + " unable to parse string as an integer', 'input': 'x'}")
                .contains("'msg': 'List should have at most 4 items after validation, not 5'")
                .contains("{'type': 'float_type', 'loc': 'body.temperature', 'msg': 'Input should be a valid number',"
                        + " 'input': '<list of 1 items>'}");
    }

    @Test
    void seedBeyond64Bits_isRefused() {
        assertThat(post(server, "/v1/completions", "{\"prompt\":\"abc\",\"seed\":99999999999999999999}")
                        .body())
                .contains("Input should be less than or equal to 9223372036854775807")
                .contains("\"param\":\"body.seed\"");
    }

    @Test
    void unknownModel_isNotFound_anAdapterIsFound() {
        HttpResponse<String> response = post(server, "/v1/completions", "{\"prompt\":\"a\",\"model\":\"x\"}");

        assertThat(response.statusCode()).isEqualTo(404);
        assertThat(response.body())
                .isEqualTo("{\"error\":{\"message\":\"The model `x` does not exist. Valid aliases: fake.\","
                        + "\"type\":\"NotFoundError\",\"param\":\"model\",\"code\":404}}");
        assertThat(post(server, "/v1/completions", "{\"prompt\":\"a\",\"model\":\"poet\"}")
                        .statusCode())
                .isEqualTo(200);
    }

    @Test
    void tooLongPrompt_isRefusedWithItsLength() {
        assertThat(post(server, "/v1/completions", "{\"prompt\":\"" + "a".repeat(600) + "\"}")
                        .body())
                .contains("This model's maximum context length is 512 tokens. However, your prompt contains 600 input"
                        + " tokens, which exceeds this limit even without any output tokens.")
                .contains("\"param\":\"input_tokens\"");
    }

    @Test
    void tooLongAnswer_isCutToTheContext() {
        JsonNode answer = ask(
                server,
                "/v1/completions",
                "{\"prompt\":\"" + "a".repeat(500) + "\",\"max_tokens\":100,\"ignore_eos\":true}");

        assertThat(answer.at("/usage/completion_tokens").asInt()).isEqualTo(12);
        assertThat(answer.at("/choices/0/finish_reason").asText()).isEqualTo("length");
    }

    @Test
    void generateRoute_needsItsFields_orIsNotThere() {
        assertThat(post(server, "/inference/v1/generate", "{\"token_ids\":[]}").body())
                .contains("2 validation errors")
                .contains("'loc': 'body.sampling_params', 'msg': 'Field required'");
        try (FakeVllm closed = FakeVllm.builder()
                .generateRoute(FakeVllm.GenerateRoute.DISABLED)
                .start()) {
            HttpResponse<String> response = post(closed, "/inference/v1/generate", "{}");
            assertThat(response.statusCode()).isEqualTo(403);
            assertThat(response.body()).contains("Restart vllm serve with --enable-scale-out");
        }
        try (FakeVllm old =
                FakeVllm.builder().dialect(FakeVllm.Dialect.PYTHON_V0_10).start()) {
            assertThat(post(old, "/inference/v1/generate", "{}").statusCode()).isEqualTo(404);
        }
    }

    @Test
    void brokenJson_wrongTypeAndEmptyBody_areRefused() {
        assertThat(post(server, "/v1/completions", "{\"prompt\":").body()).contains("'msg': 'JSON decode error'");
        assertThat(post(server, "/v1/completions", "").body())
                .contains("{'type': 'missing', 'loc': 'body', 'msg': 'Field required', 'input': None}")
                .contains("\"param\":\"body\"");
        HttpRequest plain = HttpRequest.newBuilder(server.uri().resolve("/v1/completions"))
                .version(HttpClient.Version.HTTP_1_1)
                .header("content-type", "text/plain")
                .POST(HttpRequest.BodyPublishers.ofString("{}"))
                .build();
        assertThat(send(plain).body()).contains("Unsupported Media Type: Only 'application/json' is allowed");
    }

    /** The JDK's client offers HTTP/2 unless it is told not to. */
    @Test
    void offerOfHttp2_losesTheBody_unlessTheFrontEndIsRust() {
        String body = "{\"model\":\"fake\",\"prompt\":\"Hello\"}";
        HttpRequest.Builder request = HttpRequest.newBuilder()
                .version(HttpClient.Version.HTTP_2)
                .header("content-type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body));
        HttpResponse<String> lost =
                send(request.uri(server.uri().resolve("/v1/completions")).build());
        assertThat(lost.statusCode()).isEqualTo(400);
        assertThat(lost.body()).contains("Field required").contains("\"param\":\"body\"");
        try (FakeVllm rust = FakeVllm.builder().dialect(FakeVllm.Dialect.RUST).start()) {
            assertThat(send(request.uri(rust.uri().resolve("/v1/completions")).build())
                            .statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void olderServer_hasFlatErrors_noTokenIds_andNoUpperTemperature() {
        try (FakeVllm old =
                FakeVllm.builder().dialect(FakeVllm.Dialect.PYTHON_V0_10).start()) {
            assertThat(post(old, "/v1/completions", "{\"prompt\":\"a\",\"top_p\":2}")
                            .body())
                    .isEqualTo("{\"object\":\"error\",\"message\":\"top_p must be in (0, 1], got 2.0. (parameter=top_p,"
                            + " value=2.0)\",\"type\":\"BadRequestError\",\"param\":\"top_p\",\"code\":400}");
            JsonNode choice = ask(
                            old,
                            "/v1/completions",
                            "{\"prompt\":\"a\",\"temperature\":3,\"return_token_ids\":true,"
                                    + "\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"],\"guided_choice\":[\"so\"]}")
                    .at("/choices/0");
            assertThat(choice.has("token_ids")).isFalse();
            assertThat(choice.path("text").asText()).isEqualTo("so");
            assertThat(post(old, "/v1/completions", "{\"prompt\":\"" + "a".repeat(510) + "\",\"max_tokens\":9}")
                            .body())
                    .contains("However, you requested 519 tokens (510 in the messages, 9 in the completion).");
        }
    }

    @Test
    void rustFrontEnd_hasStringCodes_oneChoice_andNeedsTheModel() {
        try (FakeVllm rust = FakeVllm.builder().dialect(FakeVllm.Dialect.RUST).start()) {
            assertThat(post(rust, "/v1/completions", "{\"prompt\":\"a\"}").statusCode())
                    .isEqualTo(400);
            assertThat(post(rust, "/v1/completions", "{\"prompt\":\"a\",\"model\":\"fake\",\"n\":2}")
                            .body())
                    .contains("\"code\":\"invalid_request_error\"");
            assertThat(post(rust, "/v1/completions", "{\"prompt\":\"a\",\"model\":\"x\"}")
                            .body())
                    .contains("\"code\":\"model_not_found\"");
            assertThat(post(rust, "/v1/completions", "{").body()).contains("\"code\":\"json_parse_error\"");
        }
    }

    @Test
    void apiKey_guardsWhatVllmGuards() {
        try (FakeVllm guarded = FakeVllm.builder().apiKeys("one", "two").start()) {
            HttpResponse<String> refused = post(guarded, "/v1/completions", "{\"prompt\":\"a\"}");
            assertThat(refused.statusCode()).isEqualTo(401);
            assertThat(refused.body()).isEqualTo("{\"error\":\"Unauthorized\"}");
            assertThat(post(guarded, "/v1/completions", "{\"prompt\":\"a\"}", "Authorization", "bearer two")
                            .statusCode())
                    .isEqualTo(200);
            assertThat(post(guarded, "/tokenize", "{\"prompt\":\"a\"}").statusCode())
                    .isEqualTo(200);
            assertThat(HttpCalls.get(guarded, "/health").statusCode()).isEqualTo(200);
        }
    }

    private static HttpResponse<String> send(HttpRequest request) {
        try {
            return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
