package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenStream;
import dev.tempera.testkit.vllm.FakeVllm;
import dev.tempera.testkit.vllm.FakeVllm.GenerateRoute;
import dev.tempera.testkit.vllm.Fault;
import dev.tempera.testkit.vllm.ReceivedRequest;
import dev.tempera.vllm.Capabilities.TokenRoute;
import dev.tempera.vllm.ServerStatus.State;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** An engine on several servers. Only the first check is the engine's own; a server that is out is due at once. */
@Timeout(60) // what is waited for may never come
class VllmFleetTest {
    private static final UnaryOperator<FakeVllm.Builder> STALLS =
            b -> b.faults(r -> r.text().contains("forever") ? Fault.stallAfterTokens(1) : Fault.NONE);

    private final List<AutoCloseable> open = new ArrayList<>();

    @AfterEach
    void closeAll() throws Exception {
        for (int i = open.size() - 1; i >= 0; i--) {
            open.get(i).close();
        }
    }

    @Test
    void promptsSpreadAndSessionsStay() {
        List<FakeVllm> servers = servers(3);
        VllmEngine engine = engine(servers);
        for (int i = 0; i < 30; i++) {
            engine.generate(request("prompt " + i));
        }
        assertThat(servers).allSatisfy(s -> assertThat(generated(s)).isNotEmpty());

        servers.forEach(FakeVllm::clearRequests);
        for (int i = 0; i < 10; i++) {
            engine.generate(request("prompt " + i, o -> o.sessionId("one")));
        }
        assertThat(servers.stream().map(s -> generated(s).size())).containsExactlyInAnyOrder(0, 0, 10);
    }

    @Test
    void whatOthersSendCounts() throws Exception {
        List<FakeVllm> servers =
                servers(2, b -> b.faults(r -> r.text().contains("forever") ? Fault.stallAfterTokens(1) : Fault.NONE));
        VllmEngine engine = engine(servers, o -> o.affinity(false));
        VllmEngine other = keep(VllmEngine.builder(servers.get(0).uri()).open());
        for (int i = 0; i < 3; i++) {
            keep(other.stream(request("forever " + i)));
        }
        until(() -> servers.get(0).running() == 3);
        engine.fleet().check();

        for (int i = 0; i < 3; i++) {
            keep(engine.stream(request("forever " + i)));
        }

        until(() -> servers.get(1).running() == 3);
        assertThat(engine.servers()).extracting(ServerStatus::load).containsExactly(3.0, 3.0);
        assertThat(engine.servers()).extracting(ServerStatus::inFlight).containsExactly(0, 3);
    }

    @Test
    void aRetryGoesToAnotherServerUnderTheSameId() {
        List<FakeVllm> servers = servers(2);
        VllmEngine engine = engine(servers);
        String text = engine.generate(request("hello")).text();
        FakeVllm home = home(servers);
        servers.forEach(FakeVllm::clearRequests);
        home.failNext(Fault.scaling());

        GenerationResult result = engine.generate(request("hello", o -> o.requestId("id-1")));

        assertThat(result.text()).isEqualTo(text);
        assertThat(servers)
                .allSatisfy(s -> assertThat(generated(s))
                        .extracting(r -> r.header("X-Request-Id"))
                        .containsExactly("id-1"));
    }

    @Test
    void whenAllAreBusyOneIsAskedAgain() {
        List<FakeVllm> servers = servers(2);
        VllmEngine engine = engine(servers);
        servers.forEach(s -> s.failNext(Fault.scaling()));

        assertThat(engine.generate(request("hello")).text()).isNotEmpty();

        assertThat(servers.stream().mapToInt(s -> generated(s).size()).sum()).isEqualTo(3);
        assertThat(engine.servers()).extracting(ServerStatus::state).containsExactlyInAnyOrder(State.OUT, State.UP);
    }

    @Test
    void aServerThatDiesIsReplacedAndComesBack() throws Exception {
        List<FakeVllm> servers = servers(2);
        VllmEngine engine = engine(servers);
        GenerationRequest request = request("hello");
        String text = engine.generate(request).text();
        int home = servers.indexOf(home(servers));
        int port = servers.get(home).port();
        servers.get(home).close();

        assertThat(engine.generate(request).text()).isEqualTo(text);
        assertThat(engine.servers().get(home).state()).isEqualTo(State.OUT);
        engine.fleet().check();
        assertThat(engine.servers().get(home).state()).isEqualTo(State.OUT);
        assertThat(engine.servers().get(home).lastFailure()).hasMessageContaining("nothing listens at");

        FakeVllm restarted = keep(FakeVllm.builder().port(port).start());
        engine.fleet().check();
        assertThat(engine.servers().get(home).state()).isEqualTo(State.ON_TRIAL);
        restarted.clearRequests();
        engine.generate(request);
        assertThat(generated(restarted)).hasSize(1);
        assertThat(engine.servers().get(home).state()).isEqualTo(State.UP);
    }

    @Test
    void aConversationIsRenderedByAServerThatIsUp() {
        List<FakeVllm> servers = servers(2);
        VllmEngine engine = keep(
                builder(servers, o -> o).tokenizer(servers.get(0).tokenizer()).open());
        awaitFirstCheck(servers);
        servers.get(0).close();

        for (int i = 0; i < 10; i++) {
            GenerationRequest chat = GenerationRequest.of(
                    Prompt.chat("question " + i),
                    SamplingParameters.builder().maxTokens(5).build());
            assertThat(engine.generate(chat).tokenIds()).isNotEmpty();
        }
    }

    @Test
    void aDeadEngineIsReplaced() {
        List<FakeVllm> servers = servers(2);
        VllmEngine engine = engine(servers);
        servers.get(0).killEngine();

        for (int i = 0; i < 10; i++) {
            assertThat(engine.generate(request("prompt " + i)).text()).isNotEmpty();
        }

        assertThat(engine.servers()).extracting(ServerStatus::state).containsExactly(State.OUT, State.UP);
        assertThat(generated(servers.get(0))).hasSize(1);
    }

    @Test
    void aBrokenStreamGoesOnAtAnotherServer() {
        List<FakeVllm> servers = servers(2, b -> b.tokenDelay(Duration.ofMillis(1)));
        VllmEngine engine = keep(builder(servers, o -> o)
                .tokenizer(servers.get(0).tokenizer())
                .retries(new Retries(3, Duration.ofMillis(1), Duration.ofMillis(1), Duration.ofMinutes(1)))
                .open());
        awaitFirstCheck(servers);
        GenerationRequest request = GenerationRequest.of(
                new Prompt.Text("hello"),
                SamplingParameters.builder()
                        .temperature(0.0)
                        .maxTokens(200)
                        .ignoreEos(true)
                        .build());
        String whole = engine.generate(request).text();
        int home = servers.indexOf(home(servers));

        GenerationResult result;
        try (TokenStream stream = engine.stream(request)) {
            stream.next();
            servers.get(home).close();
            result = stream.result();
        }

        assertThat(result.text()).isEqualTo(whole);
        assertThat(generated(servers.get(1 - home))).hasSize(1);
    }

    @Test
    void whenAllAreDownEachIsNamed() {
        List<FakeVllm> servers = servers(2);
        VllmEngine engine = engine(servers);
        servers.forEach(FakeVllm::close);

        assertThatThrownBy(() -> engine.generate(request("hello")))
                .isInstanceOf(VllmException.class)
                .hasMessageStartingWith("none of the 2 servers takes requests; the last failure of each: "
                        + servers.get(0).uri() + " (nothing listens at")
                .hasMessageContaining(servers.get(1).uri() + " (nothing listens at");
    }

    @Test
    void oneThatIsDownAtTheStartIsProbedWhenItComes() throws Exception {
        FakeVllm up = keep(FakeVllm.builder().maxLogprobs(5).start());
        FakeVllm down = FakeVllm.start();
        int port = down.port();
        down.close();
        VllmEngine engine = engine(List.of(up, down));
        assertThat(engine.servers()).extracting(ServerStatus::state).containsExactly(State.UP, State.OUT);

        FakeVllm another = FakeVllm.builder().port(port).model("another").start();
        engine.fleet().check();
        another.close();
        assertThat(engine.servers().get(1).state()).isEqualTo(State.OUT);
        assertThat(engine.servers().get(1).lastFailure())
                .hasMessage(down.uri() + " is up but gets no requests: the servers of one engine must serve the same"
                        + " model in the same way, but model is fake at " + up.uri() + " and another at " + down.uri());

        keep(FakeVllm.builder().port(port).start());
        engine.fleet().check();
        assertThat(engine.servers().get(1).state()).isEqualTo(State.ON_TRIAL);
        assertThat(engine.capabilities().maxLogprobs()).isEqualTo(5);
    }

    @Test
    void ifAllAreDownAtTheStartEachIsNamed() {
        URI one = closed();
        URI two = closed();

        assertThatThrownBy(() -> VllmEngine.builder(one, two).open())
                .isInstanceOf(VllmException.class)
                .hasMessageStartingWith("none of the 2 servers can be used: nothing listens at " + one)
                .hasMessageContaining("; nothing listens at " + two);
    }

    @Test
    void serversOfDifferentModelsAreRefusedWithBothNamed() {
        FakeVllm one = keep(FakeVllm.builder().model("one").start());
        FakeVllm two = keep(FakeVllm.builder().model("two").start());

        assertThatThrownBy(() -> VllmEngine.builder(one.uri(), two.uri()).open())
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("the servers of one engine must serve the same model in the same way, but model is one at "
                        + one.uri() + " and two at " + two.uri());
    }

    @Test
    void whatTheyCanDoIsTheLeast() {
        FakeVllm one = keep(FakeVllm.builder().maxLogprobs(-1).start());
        FakeVllm two = keep(FakeVllm.builder()
                .maxLogprobs(7)
                .generateRoute(GenerateRoute.DISABLED)
                .start());

        Capabilities capabilities = engine(List.of(one, two)).capabilities();

        assertThat(capabilities.maxLogprobs()).isEqualTo(7);
        assertThat(capabilities.tokenRoute()).isEqualTo(TokenRoute.NONE);
    }

    @Test
    void theLimitHoldsForOneServerToo() {
        FakeVllm server =
                keep(FakeVllm.builder().tokenDelay(Duration.ofMillis(1)).start());
        VllmEngine engine = keep(VllmEngine.builder(server.uri())
                .fleet(FleetOptions.builder().maxInFlight(1).maxWaiting(0).build())
                .open());
        TokenStream stream = engine.stream(request("one"));

        assertThatThrownBy(() -> engine.generate(request("two")))
                .isInstanceOfSatisfying(
                        VllmException.class, e -> assertThat(e.reason()).isEqualTo(Reason.RATE_LIMITED))
                .hasMessageContaining("1 are under way (maxInFlight 1)");

        stream.close();
        assertThat(engine.generate(request("three")).text()).isNotEmpty();
        assertThat(engine.servers().get(0).inFlight()).isZero();
    }

    @Test
    void closingLeavesNoThreadAndNoRequest() {
        List<FakeVllm> servers = servers(3, STALLS);
        VllmEngine engine = engine(servers);
        for (int i = 0; i < 9; i++) {
            engine.stream(request("forever " + i));
        }
        until(() -> servers.stream().mapToInt(FakeVllm::running).sum() == 9);

        engine.close();

        assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .doesNotContain("tempera-vllm-fleet");
        until(() -> servers.stream().allMatch(s -> s.running() == 0));
    }

    private <T extends AutoCloseable> T keep(T resource) {
        open.add(resource);
        return resource;
    }

    private List<FakeVllm> servers(int count) {
        return servers(count, b -> b);
    }

    private List<FakeVllm> servers(int count, UnaryOperator<FakeVllm.Builder> change) {
        List<FakeVllm> servers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            servers.add(keep(change.apply(FakeVllm.builder()).start()));
        }
        return servers;
    }

    private static URI closed() {
        try (FakeVllm server = FakeVllm.start()) {
            return server.uri();
        }
    }

    private VllmEngine engine(List<FakeVllm> servers) {
        return engine(servers, o -> o);
    }

    private VllmEngine engine(List<FakeVllm> servers, UnaryOperator<FleetOptions.Builder> change) {
        VllmEngine engine = keep(builder(servers, change).open());
        awaitFirstCheck(servers.stream()
                .filter(s ->
                        engine.servers().stream().anyMatch(t -> t.server().equals(s.uri()) && t.state() == State.UP))
                .toList());
        return engine;
    }

    private static VllmEngineBuilder builder(List<FakeVllm> servers, UnaryOperator<FleetOptions.Builder> change) {
        URI[] more = servers.stream().skip(1).map(FakeVllm::uri).toArray(URI[]::new);
        FleetOptions.Builder options = FleetOptions.builder()
                .checkInterval(Duration.ofHours(1))
                .backOff(Duration.ofNanos(1), Duration.ofNanos(1));
        return VllmEngine.builder(servers.get(0).uri(), more)
                .fleet(change.apply(options).build());
    }

    private static void awaitFirstCheck(List<FakeVllm> servers) {
        until(() -> servers.stream().noneMatch(s -> s.requests("/health").isEmpty()));
    }

    private static void until(BooleanSupplier condition) {
        while (!condition.getAsBoolean()) {
            Thread.onSpinWait();
        }
    }

    /** Where all requests so far went. */
    private static FakeVllm home(List<FakeVllm> servers) {
        List<FakeVllm> used =
                servers.stream().filter(s -> !generated(s).isEmpty()).toList();
        assertThat(used).hasSize(1);
        return used.get(0);
    }

    private static List<ReceivedRequest> generated(FakeVllm server) {
        return server.requests().stream()
                .filter(r -> r.path().equals("/v1/completions") || r.path().equals("/inference/v1/generate"))
                .filter(r -> Boolean.TRUE.equals(r.field("stream")))
                .toList();
    }

    private static GenerationRequest request(String prompt) {
        return request(prompt, o -> o);
    }

    private static GenerationRequest request(String prompt, UnaryOperator<EngineOptions.Builder> options) {
        return GenerationRequest.builder()
                .prompt(new Prompt.Text(prompt))
                .parameters(SamplingParameters.builder()
                        .temperature(0.0)
                        .maxTokens(5)
                        .ignoreEos(true)
                        .build())
                .engineOptions(options.apply(EngineOptions.builder()).build())
                .build();
    }
}
