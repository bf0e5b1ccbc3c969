package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.vllm.ErrorBody.Asked;
import dev.tempera.vllm.VllmException.ContextLength;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ErrorBodyTest {
    private static final Asked ASKED = new Asked(
            "POST", URI.create("http://user:secret@host:8000/v1/completions?key=1"), "m", List.of(), true, "r-1");

    @Test
    void python_parameter() {
        VllmException e = of(
                400,
                "{'error':{'message':'temperature must be in [0, 2], got 3.0. (parameter=temperature,"
                        + " value=3.0)','type':'BadRequestError','param':'temperature','code':400}}");
        assertThat(e.reason()).isEqualTo(Reason.BAD_PARAMETER);
        assertThat(e.status()).isEqualTo(400);
        assertThat(e.parameter()).isEqualTo("temperature");
        assertThat(e.requestId()).isEqualTo("r-1");
        assertThat(e.isRetryable()).isFalse();
        assertThat(e)
                .hasMessage(
                        "POST http://host:8000/v1/completions answered 400 \"temperature must be in [0, 2], got 3.0.\"");
    }

    @Test
    void python_validation_isOneLineAndNamesTheParameter() {
        VllmException e = of(
                400,
                "{'error':{'message':'1 validation error:\\n  {type: x}','type':'Bad Request',"
                        + "'param':'body.stop','code':400}}");
        assertThat(e.parameter()).isEqualTo("body.stop");
        assertThat(e)
                .hasMessage("POST http://host:8000/v1/completions answered 400 \"1 validation error: {type: x}\"."
                        + " It is about body.stop.");
    }

    @Test
    void rust_codeIsAText() {
        VllmException e = of(
                404,
                "{'error':{'message':'unknown model x','type':'invalid_request_error','param':null,"
                        + "'code':'model_not_found'}}");
        assertThat(e.reason()).isEqualTo(Reason.MODEL_NOT_FOUND);
        assertThat(e.parameter()).isNull();
    }

    @Test
    void older_isFlat() {
        VllmException e = of(
                400,
                "{'object':'error','message':'top_k must be -1','type':'BadRequestError','param':null,"
                        + "'code':400}");
        assertThat(e.reason()).isEqualTo(Reason.BAD_PARAMETER);
        assertThat(e).hasMessageContaining("answered 400 \"top_k must be -1\"");
    }

    @Test
    void unauthorized_saysWhetherAKeyWasSent() {
        assertThat(of(401, "{'error':'Unauthorized'}"))
                .hasMessage(
                        "POST http://host:8000/v1/completions answered 401 \"Unauthorized\". The API key was sent and"
                                + " refused: compare it with the server's --api-key.")
                .extracting(VllmException::reason)
                .isEqualTo(Reason.UNAUTHORIZED);
        Asked keyless = new Asked("POST", ASKED.uri(), "m", List.of(), false, null);
        assertThat(ErrorBody.of(keyless, 401, bytes("{'error':'Unauthorized'}"), null))
                .hasMessageEndingWith("answered 401 \"Unauthorized\". No API key was sent: give the server's one.");
    }

    @Test
    void unknownModel_listsWhatIsServed() {
        String body = "{'error':{'message':'The model `m` does not exist.','type':'NotFoundError','param':'model',"
                + "'code':404}}";
        Asked known = new Asked("POST", ASKED.uri(), "m", List.of("a", "b"), true, null);
        assertThat(ErrorBody.of(known, 404, bytes(body), null))
                .hasMessage("POST http://host:8000/v1/completions answered 404 \"The model `m` does not exist.\""
                        + " It serves a, b.");
        assertThat(of(404, body)).hasMessageEndingWith("GET /v1/models lists what it serves.");
    }

    @Test
    void unknownRoute_isNotSupported() {
        assertThat(of(404, "{'detail':'Not Found'}"))
                .hasMessage("POST http://host:8000/v1/completions answered 404 \"Not Found\". Is it a vLLM server of a"
                        + " version that has this, and does the base address end before /v1?")
                .extracting(VllmException::reason)
                .isEqualTo(Reason.NOT_SUPPORTED);
        assertThat(of(405, "{'detail':'Method Not Allowed'}").reason()).isEqualTo(Reason.NOT_SUPPORTED);
        assertThat(of(422, "{'detail':[{'loc':['body','n']}]}"))
                .hasMessageContaining("answered 422 \"[{\"loc\":[\"body\",\"n\"]}]\"");
    }

    @Test
    void gateway_htmlIsItsTitle() {
        assertThat(of(502, "<html>\n<head><title>502 Bad\n Gateway</title></head><body>nginx</body></html>"))
                .hasMessage("POST http://host:8000/v1/completions answered 502 \"502 Bad Gateway\". Try again later.")
                .satisfies(e -> assertThat(e.isRetryable()).isTrue())
                .extracting(VllmException::reason)
                .isEqualTo(Reason.UNAVAILABLE);
    }

    @Test
    void emptyBody_isSurvived() {
        assertThat(of(500, ""))
                .hasMessage("POST http://host:8000/v1/completions answered 500 without a word. The server's log has the"
                        + " cause, under request id r-1.")
                .extracting(VllmException::reason)
                .isEqualTo(Reason.GENERATION_FAILED);
        assertThat(of(500, "{'error':{'message':'','type':'InternalServerError','param':null,'code':500}}"))
                .hasMessageContaining("answered 500 without a word");
    }

    @Test
    void longBody_isCut() {
        assertThat(of(500, "x".repeat(10_000)))
                .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(600));
    }

    @Test
    void retryAfter_inSecondsOrAsADate() {
        assertThat(ErrorBody.of(ASKED, 429, bytes("{}"), "7"))
                .hasMessageEndingWith("It asks to wait 7 s.")
                .satisfies(e -> assertThat(e.retryAfter()).isEqualTo(Duration.ofSeconds(7)))
                .extracting(VllmException::reason)
                .isEqualTo(Reason.RATE_LIMITED);
        String date = ZonedDateTime.now(ZoneOffset.UTC).plusMinutes(5).format(DateTimeFormatter.RFC_1123_DATE_TIME);
        assertThat(ErrorBody.of(ASKED, 503, bytes("{}"), date).retryAfter())
                .isBetween(Duration.ofMinutes(4), Duration.ofMinutes(5));
        assertThat(ErrorBody.of(ASKED, 503, bytes("{}"), "Wed, 21 Oct 2015 07:28:00 GMT")
                        .retryAfter())
                .isZero();
        assertThat(ErrorBody.of(ASKED, 503, bytes("{}"), "soon").retryAfter()).isNull();
    }

    @Test
    void engineDead_isNotAnyFailure() {
        VllmException e = of(
                500,
                "{'error':{'message':'EngineCore encountered an issue. See stack trace (above) for the"
                        + " root cause.','type':'InternalServerError','param':null,'code':500}}");
        assertThat(e.reason()).isEqualTo(Reason.ENGINE_DEAD);
        assertThat(e)
                .hasMessageEndingWith("vLLM's engine died: the server must be started again; its log has the cause.");
    }

    @Test
    void lostBody_isTheGatewaysFault() {
        VllmException e = of(
                400,
                "{'error':{'message':'1 validation error: {type: missing, loc: (body,), msg: Field required}"
                        + "','type':'Bad Request','param':'body','code':400}}");
        assertThat(e.reason()).isEqualTo(Reason.PROTOCOL);
        assertThat(e)
                .hasMessageEndingWith(
                        "The body of the request got lost on its way: a proxy that changes to HTTP/2 does that.");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "This model's maximum context length is 1024 tokens. However, you requested 2000 output tokens and your"
                        + " prompt contains at least 9 input tokens, for a total of at least 2009 tokens.|1024|2000|9",
                "This model's maximum context length is 1024 tokens. However, your prompt contains at least 1025 input"
                        + " tokens, which exceeds this limit even without any output tokens.|1024|-1|1025",
                "max_tokens=2000 cannot be greater than max_model_len=1024. Please request fewer output tokens.|1024|2000|-1",
                "The decoder prompt (length 3000) is longer than the maximum model length of 2048. Make sure that"
                        + " `max_model_len` is no smaller than the number of text tokens.|2048|-1|3000",
                "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4500 in the"
                        + " messages, 500 in the completion).|4096|500|4500",
                "This model's maximum context length is 64 tokens. However, your prompt contains 900 characters (more than"
                        + " 640 characters, which is the upper bound for 64 input tokens).|64|-1|-1"
            })
    void contextTooLong_hasTheNumbers(String message, int max, int requested, int prompt) {
        VllmException e = of(
                400,
                "{'error':{'message':'" + message.replace("'", "\\'")
                        + "','type':'BadRequestError','param':null,'code':400}}");
        assertThat(e.reason()).isEqualTo(Reason.CONTEXT_TOO_LONG);
        assertThat(e.contextLength()).isEqualTo(new ContextLength(max, requested, prompt));
        assertThat(e).hasMessageEndingWith("Shorten the prompt, or ask for fewer tokens.");
    }

    @Test
    void inStream_hasTheReasonOfItsCode() {
        VllmException failed = ErrorBody.inStream(
                ASKED, new Event.ServerError("Internal server error", "InternalServerError", null, 500));
        assertThat(failed.reason()).isEqualTo(Reason.GENERATION_FAILED);
        assertThat(failed.status()).isEqualTo(200);
        assertThat(failed)
                .hasMessage("The stream of POST http://host:8000/v1/completions told \"Internal server error\"."
                        + " The server's log has the cause, under request id r-1.");
        assertThat(ErrorBody.inStream(ASKED, new Event.ServerError("no", "BadRequestError", "top_p", 400))
                        .parameter())
                .isEqualTo("top_p");
        assertThat(ErrorBody.inStream(ASKED, new Event.ServerError("", null, null, "server_error")))
                .hasMessageContaining("told an error without a word")
                .extracting(VllmException::reason)
                .isEqualTo(Reason.GENERATION_FAILED);
    }

    static Stream<Recording> refusals() {
        return Recording.all().filter(each -> each.status() >= 400 && each.body().length > 0);
    }

    @ParameterizedTest
    @MethodSource("refusals")
    void recording_isUnderstood(Recording recording) {
        VllmException e = ErrorBody.of(ASKED, recording.status(), recording.body(), null);
        boolean withoutBody = recording.request().path("body").asText("").isEmpty();
        assertThat(e.reason() == Reason.PROTOCOL).isEqualTo(withoutBody && recording.status() == 400);
        assertThat(e.getMessage()).doesNotContain("without a word").doesNotContain("\n");
        if (recording.name().contains("error-model")) {
            assertThat(e.reason()).isEqualTo(Reason.MODEL_NOT_FOUND);
        }
        if (recording.name().contains("error-context")) {
            assertThat(e.reason()).isEqualTo(Reason.CONTEXT_TOO_LONG);
            assertThat(e.contextLength()).extracting(ContextLength::max).isEqualTo(1024);
        }
        if (recording.name().startsWith("engine-dead")) {
            assertThat(e.reason()).isEqualTo(Reason.ENGINE_DEAD);
        }
        if (recording.name().startsWith("unauthorized")) {
            assertThat(e.reason()).isEqualTo(Reason.UNAUTHORIZED);
        }
        if (recording.status() == 400 && recording.response().toString().contains("\\\"param\\\":\\\"")) {
            assertThat(e.parameter()).isNotNull();
        }
    }

    private static VllmException of(int status, String body) {
        return ErrorBody.of(ASKED, status, bytes(body), null);
    }

    /** With single quotes for double ones; those escaped are apostrophes. */
    private static byte[] bytes(String json) {
        return json.replace('\'', '"').replace("\\\"", "'").getBytes(StandardCharsets.UTF_8);
    }
}
