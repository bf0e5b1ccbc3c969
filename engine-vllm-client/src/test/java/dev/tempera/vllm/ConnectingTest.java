package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.HttpServer;
import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenDecoder;
import dev.tempera.engine.Tokenizer;
import dev.tempera.testkit.ByteTokenizer;
import dev.tempera.testkit.vllm.FakeVllm;
import dev.tempera.testkit.vllm.ReceivedRequest;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is found out at the start, and what is said when that is not a vLLM server, or not for us. */
@Timeout(60)
class ConnectingTest {
    private static final GenerationRequest REQUEST = GenerationRequest.of(
            new Prompt.Text("hello"),
            SamplingParameters.builder().seed(1).ignoreEos(true).maxTokens(3).build());

    private static VllmException failure(VllmEngineBuilder builder) {
        return catchThrowableOfType(VllmException.class, () -> builder.open().close());
    }

    @Test
    void probe_ofAPlainServer() {
        try (FakeVllm server = FakeVllm.builder()
                        .adapters("poems")
                        .maxModelLength(300)
                        .maxLogprobs(7)
                        .start();
                VllmEngine engine = VllmEngine.builder(server.uri())
                        .tokenizer(server.tokenizer())
                        .open()) {
            Capabilities found = engine.capabilities();

            assertThat(engine.model()).isEqualTo("fake");
            assertThat(found.server()).isEqualTo(server.uri());
            assertThat(found.version()).isEqualTo("0.32.0");
            assertThat(found.fingerprint()).startsWith("vllm-0.32.0-");
            assertThat(found.frontend()).isEqualTo(Capabilities.Frontend.PYTHON);
            assertThat(found.adapters()).containsExactly("poems");
            assertThat(found.contextLength()).isEqualTo(300);
            assertThat(found.maxLogprobs()).isEqualTo(7);
            assertThat(found.tokenRoute()).isEqualTo(Capabilities.TokenRoute.NUMBERED_TOKENS);
            assertThat(found.returnsTokenIds()).isTrue();
            assertThat(found.tokenizes()).isTrue();
            assertThat(found.sameTokenizer()).isTrue();
            assertThat(server.requests()).hasSize(7);
            assertThat(server.generatedTokens()).isEqualTo(2);
        }
    }

    @Test
    void probe_ofOtherFrontends() {
        try (FakeVllm old = FakeVllm.builder()
                        .dialect(FakeVllm.Dialect.PYTHON_V0_10)
                        .start();
                FakeVllm rust =
                        FakeVllm.builder().dialect(FakeVllm.Dialect.RUST).start();
                VllmEngine ofOld = VllmEngine.builder(old.uri()).open();
                VllmEngine ofRust = VllmEngine.builder(rust.uri()).open()) {
            assertThat(ofOld.capabilities().frontend()).isEqualTo(Capabilities.Frontend.PYTHON_OLD);
            assertThat(ofOld.capabilities().version()).isEqualTo("0.10.0");
            assertThat(ofOld.capabilities().returnsTokenIds()).isFalse();
            assertThat(ofOld.capabilities().tokenRoute()).isEqualTo(Capabilities.TokenRoute.NONE);
            assertThat(ofRust.capabilities().frontend()).isEqualTo(Capabilities.Frontend.RUST);
            assertThat(ofOld.generate(REQUEST).text())
                    .isEqualTo(ofRust.generate(REQUEST).text());
            assertThat(ofOld.generate(REQUEST).usage().generatedTokens()).isEqualTo(3);
        }
    }

    @ParameterizedTest
    @EnumSource(FakeVllm.LogprobsMode.class)
    void probe_findsTheStageOfLogprobs(FakeVllm.LogprobsMode mode) {
        FakeVllm.Builder builder = FakeVllm.builder().logprobsMode(mode);
        try (FakeVllm server = builder.start();
                VllmEngine engine = VllmEngine.builder(server.uri()).open()) {
            assertThat(engine.capabilities().logprobsStage()).isEqualTo(Logprobs.Stage.valueOf(mode.name()));
        }
    }

    @ParameterizedTest
    @EnumSource(FakeVllm.GenerateRoute.class)
    void probe_findsTheTokenRoute_andIdsComeBackEitherWay(FakeVllm.GenerateRoute route) {
        try (FakeVllm server = FakeVllm.builder().generateRoute(route).start();
                VllmEngine engine = VllmEngine.builder(server.uri())
                        .tokenizer(server.tokenizer())
                        .open()) {
            Capabilities.TokenRoute expected = switch (route) {
                case TOKEN_IDS -> Capabilities.TokenRoute.NUMBERED_TOKENS;
                case TOKEN_ID_STRINGS -> Capabilities.TokenRoute.NAMED_TOKENS;
                case DISABLED, ABSENT -> Capabilities.TokenRoute.NONE;
            };
            assertThat(engine.capabilities().tokenRoute()).isEqualTo(expected);
            assertThat(engine.generate(REQUEST).tokenIds()).hasSize(3);
            List<ReceivedRequest> sent = server.requests();
            assertThat(sent.get(sent.size() - 1).path())
                    .isEqualTo(expected == Capabilities.TokenRoute.NONE ? "/v1/completions" : "/inference/v1/generate");
        }
    }

    @Test
    void tokenizer_ofAnotherModel_isRefused_withWhereTheyPart() {
        try (FakeVllm server = FakeVllm.start()) {
            VllmException failure =
                    failure(VllmEngine.builder(server.uri()).tokenizer(new Reversed(server.tokenizer())));

            assertThat(failure)
                    .hasMessageContaining("the tokenizer is not that of the model \"fake\"")
                    .hasMessageContaining("token 0 of the text \"Hello, world!")
                    .hasMessageContaining("is 32 here and 72 there")
                    .hasMessageContaining("give the tokenizer.json of the served model");
        }
    }

    /** Gives the bytes from the last to the first. */
    private record Reversed(ByteTokenizer right) implements Tokenizer {
        @Override
        public int[] encode(String text) {
            List<Integer> ids = new ArrayList<>();
            for (int id : right.encode(text)) {
                ids.add(id);
            }
            Collections.reverse(ids);
            return ids.stream().mapToInt(Integer::intValue).toArray();
        }

        @Override
        public String decode(int[] tokenIds) {
            return right.decode(tokenIds);
        }

        @Override
        public byte[] bytes(int tokenId) {
            return right.bytes(tokenId);
        }

        @Override
        public TokenDecoder decoder() {
            return right.decoder();
        }

        @Override
        public int size() {
            return right.size();
        }

        @Override
        public boolean isToken(int tokenId) {
            return right.isToken(tokenId);
        }

        @Override
        public boolean isSpecial(int tokenId) {
            return right.isSpecial(tokenId);
        }

        @Override
        public String token(int tokenId) {
            return right.token(tokenId);
        }
    }

    @Test
    void serverDown_saysWhere_andHowToStartOne() throws IOException {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        VllmException failure = failure(VllmEngine.builder(URI.create("http://localhost:" + port)));

        assertThat(failure.reason()).isEqualTo(Reason.CONNECTION);
        assertThat(failure)
                .hasMessageStartingWith("nothing listens at http://localhost:" + port)
                .hasMessageContaining("`vllm serve MODEL`");
    }

    @Test
    void unknownHost_isNamed() {
        VllmException failure = failure(VllmEngine.builder(URI.create("http://no-such-host.invalid:8000")));

        assertThat(failure)
                .hasMessage("there is no host \"no-such-host.invalid\", in the address"
                        + " http://no-such-host.invalid:8000");
    }

    @Test
    void key_missingOrWrong_isSaid_andNotShown() {
        try (FakeVllm server = FakeVllm.builder().apiKeys("right").start()) {
            VllmException missing = failure(VllmEngine.builder(server.uri()));
            assertThat(missing.reason()).isEqualTo(Reason.UNAUTHORIZED);
            assertThat(missing).hasMessageContaining("401").hasMessageContaining("key");

            VllmException wrong = failure(VllmEngine.builder(server.uri()).apiKey("secret-1234"));
            assertThat(wrong.reason()).isEqualTo(Reason.UNAUTHORIZED);
            assertThat(wrong.toString()).contains("key").doesNotContain("secret-1234");

            VllmException broken = failure(VllmEngine.builder(server.uri()).apiKey("secret 1234\nX: y"));
            assertThat(broken).hasMessageContaining("printable ASCII");
            assertThat(broken.toString()).doesNotContain("secret");
        }
    }

    @Test
    void key_mayChange() {
        try (FakeVllm server = FakeVllm.builder().apiKeys("first", "second").start()) {
            AtomicReference<String> key = new AtomicReference<>("first");
            try (VllmEngine engine =
                    VllmEngine.builder(server.uri()).apiKey(key::get).open()) {
                engine.generate(REQUEST);
                key.set("second\n");
                engine.generate(REQUEST);
                key.set("third");
                assertThatThrownBy(() -> engine.generate(REQUEST))
                        .isInstanceOfSatisfying(
                                VllmException.class, e -> assertThat(e.reason()).isEqualTo(Reason.UNAUTHORIZED));
            }
        }
    }

    @Test
    void model_thatIsNotServed_isSaidWithThoseThatAre() {
        try (FakeVllm server = FakeVllm.builder().adapters("poems").start()) {
            VllmException failure = failure(VllmEngine.builder(server.uri()).model("gpt-5"));

            assertThat(failure.reason()).isEqualTo(Reason.MODEL_NOT_FOUND);
            assertThat(failure)
                    .hasMessage(server.uri() + " does not serve a model \"gpt-5\"; it serves \"fake\", \"poems\"");
        }
    }

    @Test
    void prompt_tooLong_isRefusedHere_withBothLengths() {
        try (FakeVllm server = FakeVllm.builder().maxModelLength(40).start();
                VllmEngine engine = VllmEngine.builder(server.uri())
                        .tokenizer(server.tokenizer())
                        .open();
                VllmEngine text = VllmEngine.builder(server.uri()).open()) {
            GenerationRequest request = GenerationRequest.of(new Prompt.Text("x".repeat(50)), REQUEST.parameters());

            assertThatThrownBy(() -> engine.stream(request))
                    .isInstanceOf(InvalidParametersException.class)
                    .hasMessage("the prompt has 50 tokens, fake takes 39 at most (a context of 40, one of them to"
                            + " generate): shorten it");
            assertThatThrownBy(() -> text.generate(request))
                    .isInstanceOfSatisfying(
                            VllmException.class, e -> assertThat(e.reason()).isEqualTo(Reason.CONTEXT_TOO_LONG))
                    .hasMessageContaining("40");
        }
    }

    @Test
    void page_insteadOfAServer_isSaid() throws IOException {
        VllmException page = failureOfPages(200);
        assertThat(page.reason()).isEqualTo(Reason.PROTOCOL);
        assertThat(page)
                .hasMessageMatching(
                        "http://127.0.0.1:\\d+ answered with text/html that is no JSON: is that a vLLM server\\?"
                                + " The address is that of the server, such as http://localhost:8000; .*");

        VllmException notFound = failureOfPages(404);
        assertThat(notFound.status()).isEqualTo(404);
        assertThat(notFound).hasMessageContaining("/v1/models").hasMessageContaining("404");
    }

    private static VllmException failureOfPages(int status) throws IOException {
        HttpServer pages = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        pages.createContext("/", exchange -> {
            byte[] page = "<html><body>Welcome to nginx!</body></html>".getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "text/html");
            exchange.sendResponseHeaders(status, page.length);
            exchange.getResponseBody().write(page);
            exchange.close();
        });
        pages.start();
        try {
            return failure(VllmEngine.builder(
                    URI.create("http://127.0.0.1:" + pages.getAddress().getPort())));
        } finally {
            pages.stop(0);
        }
    }

    @Test
    void supplierOfTheKey_thatFails_isSaid_andHoldsNoPlace() {
        try (FakeVllm server = FakeVllm.start()) {
            AtomicReference<String> key = new AtomicReference<>("k");
            FleetOptions oneAtATime =
                    FleetOptions.builder().maxInFlight(1).maxWait(Duration.ZERO).build();
            try (VllmEngine engine = VllmEngine.builder(server.uri())
                    .apiKey(() -> key.get().toString())
                    .fleet(oneAtATime)
                    .open()) {
                key.set(null);
                assertThatThrownBy(() -> engine.generate(REQUEST))
                        .isInstanceOf(VllmException.class)
                        .hasMessage("the supplier of the API key for " + server.uri() + " failed");
                key.set("k");
                assertThat(engine.generate(REQUEST).tokenIds()).hasSize(3);
            }
        }
    }

    @Test
    void tls_whereThereIsNone_isSaid() {
        try (FakeVllm server = FakeVllm.start()) {
            URI address = URI.create("https://127.0.0.1:" + server.port());

            assertThat(failure(VllmEngine.builder(address)))
                    .hasMessageStartingWith("no secure connection to " + address)
                    .hasMessageEndingWith("a vLLM server speaks plain HTTP unless it was started with --ssl-keyfile:"
                            + " write http:// then");
        }
    }

    @Test
    void connectionThatBreaks_asThatToATlsServer_isSaid() throws Exception {
        Thread closing;
        VllmException failure;
        try (ServerSocket listener = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            closing = new Thread(() -> {
                try {
                    while (true) {
                        listener.accept().close();
                    }
                } catch (IOException e) {
                    // closed
                }
            });
            closing.start();
            failure = failure(VllmEngine.builder(URI.create("http://127.0.0.1:" + listener.getLocalPort())));
        }
        closing.join();

        assertThat(failure.reason()).isEqualTo(Reason.CONNECTION);
        assertThat(failure)
                .hasMessageContaining("broke before an answer came")
                .hasMessageContaining("if the server speaks TLS, write https:// instead");
    }

    @Test
    void address_thatIsNone_isRefused() {
        for (String wrong : List.of("localhost:8000", "ftp://localhost", "http:///v1", "http://localhost:8000?x=y")) {
            assertThatThrownBy(() -> VllmEngine.builder(URI.create(wrong)))
                    .isInstanceOf(InvalidParametersException.class)
                    .hasMessage(
                            "the server's address must be a URL such as http://localhost:8000, got \"" + wrong + "\"");
        }
        assertThatThrownBy(() -> VllmEngine.builder(URI.create("http://user:secret@localhost:8000")))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessageContaining("no user or password")
                .hasMessageNotContaining("secret");
    }

    @Test
    void address_mayEndAsOpenAiClientsWriteIt() {
        for (String end : List.of("", "/", "/v1", "/v1/")) {
            assertThat(Server.address(URI.create("HTTP://localhost:8000" + end)))
                    .hasToString("http://localhost:8000");
        }
        assertThat(Server.address(URI.create("https://gateway/models/a/v1"))).hasToString("https://gateway/models/a");
    }

    @Test
    void choices_thatContradict_areRefused() {
        URI address = URI.create("http://localhost:8000");
        assertThatThrownBy(() -> VllmEngine.builder(address)
                        .chatRendering(ChatRendering.LOCAL)
                        .open())
                .hasMessageContaining("LOCAL needs a tokenizer and a chat template");
        assertThatThrownBy(() -> VllmEngine.builder(address)
                        .chatTemplate((messages, variables) -> "")
                        .open())
                .hasMessageContaining("would have no effect: choose chatRendering(ChatRendering.LOCAL)");
        assertThatThrownBy(() -> VllmEngine.builder(address).header("Content-Type", "text/plain"))
                .hasMessageContaining("be none that this client sets itself");
        assertThatThrownBy(() -> VllmEngine.builder(address).header("X-Key", "se\ncret"))
                .hasMessageContaining("X-Key must be printable ASCII")
                .hasMessageNotContaining("cret");
        assertThatThrownBy(() -> VllmEngine.builder(address, address)).hasMessageContaining("twice");
        assertThatThrownBy(() -> VllmEngine.builder(address).concurrency(0)).hasMessageContaining("at least 1");
        assertThatThrownBy(() -> new Timeouts(Duration.ZERO, Duration.ZERO, Duration.ZERO, Duration.ZERO))
                .hasMessageContaining("connect timeout must be positive");
    }

    @Test
    void headers_andIds_goAlong() {
        try (FakeVllm server = FakeVllm.builder().apiKeys("k").start();
                VllmEngine engine = VllmEngine.builder(server.uri())
                        .apiKey("k")
                        .header("X-Tenant", "a b")
                        .open()) {
            engine.generate(GenerationRequest.builder()
                    .prompt(REQUEST.prompt())
                    .parameters(REQUEST.parameters())
                    .engineOptions(EngineOptions.builder()
                            .requestId("my-id")
                            .sessionId("my-session")
                            .build())
                    .build());
            List<ReceivedRequest> sent = server.requests();
            ReceivedRequest last = sent.get(sent.size() - 1);

            assertThat(last.header("X-Request-Id")).isEqualTo("my-id");
            assertThat(last.header("X-Session-ID")).isEqualTo("my-session");
            assertThat(last.header("X-Tenant")).isEqualTo("a b");
            assertThat(last.header("Authorization")).isEqualTo("Bearer k");
        }
    }

    @Test
    void severalServers_mayHaveOneDown_butNoOtherModel() {
        try (FakeVllm one = FakeVllm.start();
                FakeVllm other = FakeVllm.start();
                FakeVllm stranger = FakeVllm.builder().model("stranger").start()) {
            FakeVllm down = FakeVllm.start();
            down.close();
            try (VllmEngine engine =
                    VllmEngine.builder(one.uri(), other.uri(), down.uri()).open()) {
                assertThat(engine.servers())
                        .extracting(ServerStatus::state)
                        .containsExactly(ServerStatus.State.UP, ServerStatus.State.UP, ServerStatus.State.OUT);
                engine.generate(REQUEST);
            }
            assertThatThrownBy(
                            () -> VllmEngine.builder(one.uri(), stranger.uri()).open())
                    .isInstanceOf(InvalidParametersException.class)
                    .hasMessageContaining("must serve the same model")
                    .hasMessageContaining("stranger");
            assertThat(failure(VllmEngine.builder(down.uri(), URI.create("http://no-such-host.invalid"))))
                    .hasMessageContaining("nothing listens at");
        }
    }
}
