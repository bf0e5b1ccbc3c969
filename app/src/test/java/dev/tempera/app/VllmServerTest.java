package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationPlan;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.TokenStream;
import dev.tempera.engine.UnsupportedRequestException;
import dev.tempera.samplemodel.SampleModel;
import dev.tempera.testkit.vllm.FakeVllm;
import dev.tempera.testkit.vllm.Fault;
import dev.tempera.vllm.VllmEngine;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What somebody meets who lets a vLLM server generate, above all where something is wrong. */
class VllmServerTest {
    private static final String POEM = "春眠不觉晓，处处闻啼鸟。";

    private static Run run(String address, String... typed) {
        return run(Map.of(), "", address, typed);
    }

    private static Run run(Map<String, String> variables, String input, String address, String... typed) {
        Environment environment = new Environment(
                new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
                variables,
                new Run.Screen(false, 0),
                ModelChoice::open);
        List<String> arguments = new ArrayList<>(List.of(typed));
        arguments.add(1, "--engine=vllm:" + address);
        return Run.in(environment, arguments.toArray(String[]::new));
    }

    private static FakeVllm.Builder poet() {
        return FakeVllm.builder().model("poet").saying(POEM);
    }

    /** The probing of the server works, what is then streamed does not. */
    private static Run withFault(Fault fault, String... options) {
        List<String> typed = new ArrayList<>(List.of("generate", "spring"));
        typed.addAll(List.of(options));
        try (FakeVllm server = poet().faults(
                        request -> Boolean.TRUE.equals(request.field("stream")) ? fault : Fault.NONE)
                .start()) {
            Run run = run(server.uri().toString(), typed.toArray(String[]::new));
            return new Run(
                    run.exitCode(), run.out(), run.err().replace(server.uri().toString(), "http://server"));
        }
    }

    private static void assertRefused(Run run, int exitCode, String message) {
        assertThat(run.err()).isEqualTo("tempera: " + message + System.lineSeparator());
        assertThat(run.out()).isEmpty();
        assertThat(run.exitCode()).isEqualTo(exitCode);
    }

    @Test
    void text_isTheServers() {
        try (FakeVllm server = poet().start()) {
            String address = server.uri().toString();
            assertThat(run(address, "generate", "spring").out()).isEqualTo(POEM + System.lineSeparator());
            assertThat(run(address, "generate", "spring", "--raw").out()).isEqualTo(POEM + System.lineSeparator());
            assertThat(run(address + "/v1/", "generate", "spring").out()).isEqualTo(POEM + System.lineSeparator());
            Run chat = run(Map.of(), "one\ntwo\n", address, "chat");
            assertThat(chat.out().lines()).containsExactly(POEM, POEM);
            assertThat(chat.err()).isEmpty();
            Run demo = run(address, "demo", "--samples=2", "--temperatures=0.5,1", "--lang=en");
            assertThat(demo.out())
                    .contains("Model       poet (server reached in ", "T = 0.5\n  " + POEM, "4 texts, ")
                    .doesNotContain("loaded");
            assertThat(demo.exitCode()).isZero();
        }
    }

    @Test
    void doctor_tellsWhatTheServerCan() {
        try (FakeVllm server = poet().adapters("rhymer").apiKeys("k1").start()) {
            Run run = run(Map.of("VLLM_API_KEY", "k1"), "", server.uri().toString(), "doctor");
            assertThat(run.out())
                    .contains("VLLM_API_KEY          (set)")
                    .contains("server                " + server.uri() + ", Python front end")
                    .contains("vLLM                  0.32.0, vllm-0.32.0-")
                    .contains("models                poet, rhymer (adapter of poet)")
                    .contains("model in use          poet")
                    .contains("context               512 tokens")
                    .contains("log-probabilities     raw_logprobs, of 20 tokens at most")
                    .contains("token ids             /inference/v1/generate")
                    .contains("poet reached in ", "all is well")
                    .doesNotContain("PyTorch", "k1");
            assertThat(run.exitCode()).isZero();
        }
        Run down = run("http://127.0.0.1:" + freePort(), "doctor");
        assertThat(down.out()).contains("model                 ! nothing listens at", "something does not work");
        assertThat(down.exitCode()).isEqualTo(1);
    }

    @Test
    void plan_tellsWhereEveryStageRuns() {
        try (FakeVllm server = poet().start()) {
            Run run = run(server.uri().toString(), "generate", "x", "--plan", "--top-p=0.9", "--stop-regex=a+b");
            assertThat(run.out())
                    .contains("DELEGATED TopP[p=0.9, minKeep=1] (sent as top_p)")
                    .contains("CLIENT_SIDE stop_regex [a+b] (the server has none; scanned and cut here); cost: ")
                    .contains("with --tokenizer FOLDER token ids are");
            assertThat(run.exitCode()).isZero();
        }
    }

    @Test
    void logprobs_areShown() throws Exception {
        try (FakeVllm server = poet().start()) {
            String address = server.uri().toString();
            Run table = run(address, "generate", "x", "--logprobs=2", "--max-tokens=3", "--lang=en");
            assertThat(table.out())
                    .containsPattern("token +value +rank +the most probable")
                    .contains("values: the model's own log-probabilities, not those of the draw");
            JsonNode json = new ObjectMapper()
                    .readTree(run(address, "generate", "x", "--logprobs=2", "--max-tokens=3", "--json")
                            .out());
            assertThat(json.at("/logprobs/stage").asText()).isEqualTo("raw_logprobs");
            assertThat(json.at("/logprobs/positions")).hasSize(3);
            assertThat(json.at("/logprobs/positions/0/top")).hasSize(2);
        }
    }

    @Test
    void shapeOfTheText_isTheServersMatter(@TempDir Path folder) throws Exception {
        Path schema = Files.writeString(folder.resolve("schema.json"), "{\"type\": \"object\"}");
        Path list = Files.writeString(folder.resolve("list.json"), "[1]");
        try (FakeVllm server = poet().structuredText("{\"a\": 1}").start()) {
            String address = server.uri().toString();
            assertThat(run(address, "generate", "x", "--json-schema=" + schema).out())
                    .isEqualTo("{\"a\": 1}" + System.lineSeparator());
            assertThat(server.lastRequest("/v1/chat/completions").field("structured_outputs"))
                    .isEqualTo(Map.of("json", Map.of("type", "object")));
            assertThat(run(address, "generate", "x", "--choice=yes", "--choice=yes")
                            .out())
                    .isEqualTo("yes" + System.lineSeparator());
            assertThat(run(address, "generate", "x", "--json-schema=" + list).err())
                    .startsWith("tempera: --json-schema: " + list + " is not a JSON object: ");
        }
        assertThat(Run.of("generate", "x", "--choice=yes").err())
                .contains("cannot run the request as written: structured_output: the local engine has no such option");
    }

    @Test
    void serverThatIsNotThere() {
        String address = "http://127.0.0.1:" + freePort();
        assertRefused(
                run(address, "generate", "x"),
                1,
                "nothing listens at " + address + " (Connection refused): is the server up, and is the port right?"
                        + " `vllm serve MODEL` starts one on port 8000, which takes a minute or more");
        assertRefused(
                run("http://no-such-host.invalid:8000", "generate", "x"),
                1,
                "there is no host \"no-such-host.invalid\", in the address http://no-such-host.invalid:8000");
    }

    @Test
    void serverThatIsAnother() {
        try (FakeVllm server = poet().start()) {
            String address = server.uri().toString();
            String secure = address.replace("http", "https");
            assertThat(run(secure, "generate", "x").err())
                    .startsWith("tempera: no secure connection to " + secure + " (")
                    .contains(
                            "): a vLLM server speaks plain HTTP unless it was started with --ssl-keyfile: write http://"
                                    + " then");
            assertRefused(
                    run(address + "/other", "generate", "x"),
                    2,
                    "GET " + address + "/other/v1/models answered 404 \"Not Found\". Is it a vLLM server of a version"
                            + " that has this, and does the base address end before /v1?");
        }
        Fault page = Fault.answer(200, "text/html", "<html><title>Welcome to nginx!</title></html>");
        try (FakeVllm server = poet().faults(request -> page).start()) {
            assertRefused(
                    run(server.uri().toString(), "generate", "x"),
                    1,
                    server.uri()
                            + " answered with text/html that is no JSON: is that a vLLM server? The address is that of"
                            + " the server, such as http://localhost:8000; got " + server.uri());
        }
    }

    @Test
    void key_thatIsMissingOrWrong() {
        try (FakeVllm server = poet().apiKeys("k1").start()) {
            String address = server.uri().toString();
            String refused = "GET " + address + "/v1/models answered 401 \"Unauthorized\". ";
            assertRefused(
                    run(address, "generate", "x"),
                    2,
                    refused + "No API key was sent: give the server's one by VLLM_API_KEY or --api-key.");
            assertRefused(
                    run(address, "generate", "x", "--api-key=k2"),
                    2,
                    refused + "The API key was sent and refused: compare it with the server's --api-key.");
            assertThat(run(Map.of("VLLM_API_KEY", "k2"), "", address, "generate", "x", "--api-key=k1")
                            .err())
                    .isEmpty();
        }
    }

    @Test
    void model_thatIsNotServed() {
        try (FakeVllm server = poet().adapters("rhymer").start()) {
            assertRefused(
                    run(server.uri().toString(), "generate", "x", "--served-model=prose"),
                    2,
                    server.uri() + " does not serve a model \"prose\"; it serves \"poet\", \"rhymer\"");
            assertThat(run(server.uri().toString(), "generate", "x", "--served-model=rhymer", "--json")
                            .out())
                    .contains("\"model\":\"rhymer\"");
        }
    }

    @Test
    void prompt_thatIsTooLong() {
        try (FakeVllm server = poet().start()) {
            Run run = run(server.uri().toString(), "generate", "x".repeat(600));
            assertThat(run.err())
                    .contains("maximum context length is 512 tokens", "input prompt.\" Shorten the prompt, or ask for");
            assertThat(run.exitCode()).isEqualTo(2);
        }
    }

    @Test
    void stage_thatTheServerDoesNotHave() {
        try (FakeVllm server = poet().start()) {
            String address = server.uri().toString();
            Run unknown = run(address, "generate", "x", "--dialect=transformers", "--typical-p=0.9");
            assertThat(unknown.err())
                    .startsWith("tempera: this engine cannot run the request as written: TypicalP[p=0.9, ")
                    .contains("the server has no such processor; and to run it here the engine needs the model's"
                            + " tokenizer: --tokenizer FOLDER");
            assertThat(unknown.exitCode()).isEqualTo(2);
            assertRefused(
                    run(address, "generate", "x", "--trace"),
                    2,
                    "this engine cannot run the request as written: trace: the server shows log-probabilities, not the"
                            + " logits of the vocabulary: ask for --logprobs N");
            assertThat(run(address, "generate", "x", "--logprobs=30").err())
                    .contains("logprobs must be at most 20 on this server, got 30");
        }
    }

    @Test
    void stepwise_mustBeAllowed() {
        GenerationPlan.Stage stage = new GenerationPlan.Stage(
                "TypicalP", GenerationPlan.Placement.STEPWISE, "the server has no such processor", false, "");
        GenerationEngine refusing = new GenerationEngine() {
            @Override
            public String model() {
                return "refusing";
            }

            @Override
            public GenerationPlan plan(GenerationRequest request) {
                return new GenerationPlan(List.of(stage));
            }

            @Override
            public TokenStream stream(GenerationRequest request) {
                throw new UnsupportedRequestException(List.of(stage));
            }

            @Override
            public void close() {}
        };
        assertRefused(
                Run.with(refusing, "", "generate", "x"),
                2,
                "this engine cannot run the request as written: TypicalP: the server has no such processor; --stepwise"
                        + " allows it: one request for every token");
    }

    @Test
    void stepwise_tellsWhatItCouldNotSee() {
        String[] typed = {"generate", "x", "--dialect=transformers", "--typical-p=0.9", "--max-tokens=5"};
        try (FakeVllm server = FakeVllm.start();
                VllmEngine engine = VllmEngine.builder(server.uri())
                        .tokenizer(server.tokenizer())
                        .allowStepwise(true)
                        .open()) {
            Run run = Run.with(engine, "", typed);
            assertThat(run.err())
                    .matches("warning: the stages that ran here did not see [<\\d.]+% of the probability of a token on"
                            + " average, [<\\d.]+% at most; a larger --stepwise-candidates shows them more, -1 all\\R");
            assertThat(run.exitCode()).isZero();
        }
    }

    @Test
    void tokenizer_thatIsAnothers() {
        try (FakeVllm server = poet().start()) {
            String address = server.uri().toString();
            Run other = run(address, "generate", "x", "--tokenizer=" + SampleModel.path());
            assertThat(other.err())
                    .startsWith("tempera: the tokenizer is not that of the model \"poet\" at " + address
                            + ": token 0 of the")
                    .contains(
                            " is 300 here and 72 there; give the tokenizer.json of the served model, or no tokenizer");
            assertThat(other.exitCode()).isEqualTo(2);
            Run none = run(address, "generate", "x", "--tokenizer=no-such-folder");
            assertThat(none.err())
                    .startsWith("tempera: --tokenizer: The model folder ")
                    .contains("no-such-folder does not exist. Give the folder that holds the model's tokenizer.json.");
            assertThat(none.exitCode()).isEqualTo(2);
        }
    }

    @Test
    void time_thatIsOver_keepsTheText() {
        Run still = withFault(Fault.stallAfterTokens(6), "--timeout=between-tokens=0.3");
        assertThat(still.out()).isEqualTo("春眠" + System.lineSeparator());
        assertThat(still.err())
                .isEqualTo("tempera: the stream from http://server/v1/chat/completions stood still within 300 ms: the"
                        + " server hangs or is overloaded; else raise --timeout between-tokens=SECONDS"
                        + System.lineSeparator());
        assertThat(still.exitCode()).isEqualTo(1);
        Run whole = withFault(Fault.stallAfterTokens(6), "--timeout=0.5");
        assertThat(whole.out()).isEqualTo("春眠" + System.lineSeparator());
        assertThat(whole.err()).contains("did not end within 500 ms: raise --timeout");
        assertThat(withFault(Fault.stallBeforeHeaders(), "--timeout=first-token=0.5")
                        .err())
                .contains("within 500 ms");
    }

    @Test
    void server_thatDiesMidway_keepsTheText() throws Exception {
        Run cut = withFault(Fault.closeAtByte(2000));
        assertThat(cut.out()).startsWith("春眠").endsWith(System.lineSeparator());
        assertThat(POEM).startsWith(cut.out().strip());
        assertThat(cut.err())
                .isEqualTo("tempera: the stream from http://server/v1/chat/completions broke off (the connection broke"
                        + " before the end of the answer): that is all the text that came" + System.lineSeparator());
        assertThat(cut.exitCode()).isEqualTo(1);
        JsonNode json = new ObjectMapper()
                .readTree(withFault(Fault.closeAtByte(2000), "--json").out());
        assertThat(json.get("text").asText()).isEqualTo(cut.out().strip());
        assertThat(json.get("error").asText()).contains("broke off");
        Run told = withFault(Fault.errorAfterTokens(6));
        assertThat(told.out()).isEqualTo("春眠" + System.lineSeparator());
        assertThat(told.err())
                .startsWith(
                        "tempera: The stream of POST http://server/v1/chat/completions told \"Internal server error\"."
                                + " The server's log has the cause, under request id ");
        assertThat(told.exitCode()).isEqualTo(1);
        Run given = withFault(Fault.abortAfterTokens(6));
        assertThat(given.out()).isEqualTo("春眠" + System.lineSeparator());
        assertThat(given.err())
                .isEqualTo("tempera: the engine ended the generation before its time" + System.lineSeparator());
    }

    @Test
    void server_thatCannotAnswerNow() {
        Run gateway = withFault(Fault.htmlBadGateway());
        assertRefused(
                gateway,
                1,
                "POST http://server/v1/chat/completions answered 502 \"502 Bad Gateway\". Try again later.");
        assertRefused(
                withFault(Fault.rateLimited(Duration.ofHours(1))),
                1,
                "POST http://server/v1/chat/completions answered 429 \"Rate limit exceeded\". It asks to wait 3600 s.");
        assertThat(withFault(Fault.engineDead()).err())
                .contains("vLLM's engine died: the server must be started again; its log has the cause.");
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
