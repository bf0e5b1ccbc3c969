package dev.tempera.testkit.vllm;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.tempera.Require;
import dev.tempera.testkit.ByteTokenizer;
import dev.tempera.testkit.ScriptedEngine;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A vLLM server for tests, in this process, on a free port of the loopback address, up when it is built. Its tokens are
 * {@link ByteTokenizer}'s, its logits a function of the tokens so far, everything after the logits is real: sampling in
 * {@link dev.tempera.Dialect#VLLM}, seeds, {@code n}, stop strings, log-probabilities, usage, checks and their messages.
 * The same request with the same seed gets the same tokens on every route, also where a request goes on behind the
 * tokens of another.
 *
 * <p>Serves {@code /v1/completions}, {@code /v1/chat/completions}, {@code /inference/v1/generate}, {@code /tokenize},
 * {@code /detokenize}, {@code /v1/models}, {@code /version}, {@code /health}, {@code /ping}, {@code /load} and
 * {@code /metrics}. As written down from vLLM 0.32.0, 0.10.0 and the Rust front end; as uvicorn it loses the body of a
 * request that offers an upgrade to HTTP/2, closes idle connections, and takes a closed connection for a cancellation.
 * What it does not do: beam search, images, batches of chats, LoRA (names are accepted), JSON schemas and grammars (the
 * answer to one is {@link Builder#structuredText}).
 *
 * <pre>{@code
 * try (FakeVllm server = FakeVllm.builder().fault(Fault.resetAtByte(700)).start()) {
 *     client.connect(server.uri()); ...
 *     assertThat(server.requests()).hasSize(1);
 * }
 * }</pre>
 *
 * Thread-safe. One thread per connection.
 */
public final class FakeVllm implements AutoCloseable {
    static final String ENGINE_DEAD =
            "{\"message\":\"EngineCore encountered an issue. See stack trace (above) for the root cause.\","
                    + "\"type\":\"InternalServerError\",\"param\":null,\"code\":500}";

    /** Whose manners the server has. */
    public enum Dialect {
        /** The Python front end of vLLM 0.32: errors in an object, with a number for a code. */
        PYTHON("0.32.0"),
        /** The Python front end of vLLM 0.8 to 0.10: flat errors, no token ids in answers, {@code guided_*} fields. */
        PYTHON_V0_10("0.10.0"),
        /** The Rust front end: errors with a string for a code, one choice only, the model must be named. */
        RUST("0.32.0");

        final String version;

        Dialect(String version) {
            this.version = version;
        }
    }

    /** What {@code /inference/v1/generate} answers. */
    public enum GenerateRoute {
        /** Log-probabilities with {@code token_id} and {@code rank}, as vLLM 0.32. */
        TOKEN_IDS,
        /** Log-probabilities with {@code "token": "token_id:5"}, as before; an end without a token is not sent. */
        TOKEN_ID_STRINGS,
        /** 403: the server was not started with {@code --enable-scale-out}. */
        DISABLED,
        /** 404: the server is too old. */
        ABSENT
    }

    /** What the server reports as log-probabilities, {@code --logprobs-mode}. */
    public enum LogprobsMode {
        RAW_LOGPROBS(false, true),
        PROCESSED_LOGPROBS(true, true),
        RAW_LOGITS(false, false),
        PROCESSED_LOGITS(true, false);

        final boolean processed;
        final boolean normalized;

        LogprobsMode(boolean processed, boolean normalized) {
            this.processed = processed;
            this.normalized = normalized;
        }
    }

    record ToolCall(String name, String arguments) {}

    record Settings(
            Dialect dialect,
            GenerateRoute generateRoute,
            String model,
            Set<String> adapters,
            int maxModelLength,
            int maxLogprobs,
            LogprobsMode logprobsMode,
            Map<String, Object> defaults,
            Set<String> apiKeys,
            ScriptedEngine.Script script,
            Duration tokenDelay,
            Duration keepAlive,
            boolean prerendered,
            String structuredText,
            @Nullable ToolCall toolCall,
            String reasoning) {
        String fingerprint() {
            return "vllm-" + dialect.version + "-5e475f43";
        }
    }

    final Settings settings;
    final ByteTokenizer tokenizer = new ByteTokenizer();
    final Counters counters = new Counters();
    final Semaphore slots;
    final Map<String, Rendering> renderings = new ConcurrentHashMap<>();
    private final Function<ReceivedRequest, Fault> faults;
    private final ConcurrentLinkedQueue<Fault> nextFaults = new ConcurrentLinkedQueue<>();
    private final LoopbackServer http;
    private volatile boolean engineDead;

    private FakeVllm(Builder builder) {
        settings = builder.settings();
        slots = new Semaphore(builder.maxConcurrent, true);
        faults = builder.faults;
        http = new LoopbackServer(builder.port, settings.keepAlive(), settings.dialect() != Dialect.RUST, this::answer);
        http.start();
    }

    public static Builder builder() {
        return new Builder();
    }

    /** A server of vLLM 0.32 without faults. */
    public static FakeVllm start() {
        return builder().start();
    }

    /** For instance {@code http://127.0.0.1:41234}. */
    public URI uri() {
        return http.uri();
    }

    public int port() {
        return http.port();
    }

    public String model() {
        return settings.model();
    }

    /** Whose ids the server speaks: 256 bytes, and two that open and close a turn. */
    public ByteTokenizer tokenizer() {
        return tokenizer;
    }

    /** How many tokens a prompt and its continuation may have together. */
    public int maxModelLength() {
        return settings.maxModelLength();
    }

    /** The newest requests, all routes, oldest first. */
    public List<ReceivedRequest> requests() {
        return http.requests();
    }

    /** As {@link #requests()}, of one path. */
    public List<ReceivedRequest> requests(String path) {
        return requests().stream()
                .filter(request -> request.path().equals(path))
                .toList();
    }

    /** The newest request of one path. */
    public ReceivedRequest lastRequest(String path) {
        List<ReceivedRequest> those = requests(path);
        if (those.isEmpty()) {
            throw new IllegalStateException("no request to " + path + " was received, only " + requests());
        }
        return those.get(those.size() - 1);
    }

    /** Forgets the requests so far. */
    public void clearRequests() {
        http.clearRequests();
    }

    /** How many requests are being generated. */
    public int running() {
        return counters.running.get();
    }

    /** How many requests wait for others to end, see {@link Builder#maxConcurrent}. */
    public int waiting() {
        return counters.waiting.get();
    }

    /** How many requests were given up because their client had left. */
    public int aborted() {
        return counters.aborted.get();
    }

    /** How many requests were generated to their end; a client that has read the end sees its own among them. */
    public int finished() {
        return counters.finished.get();
    }

    /** How many tokens were generated. */
    public long generatedTokens() {
        return counters.tokens.get();
    }

    /** How many connections are open. */
    public int connections() {
        return http.connections();
    }

    /**
     * Waits until nothing runs and nothing waits.
     *
     * @throws IllegalStateException if that is not so in time
     */
    public void awaitIdle(Duration most) throws InterruptedException {
        counters.awaitIdle(most);
    }

    /** These faults for the next requests for text, one each; then again what the builder said. */
    public void failNext(Fault... those) {
        nextFaults.addAll(List.of(those));
    }

    /**
     * From now on the engine is dead, as after an error on the GPU: {@code /health} answers 503, streams under way end in
     * an error, new requests are refused with 500.
     */
    public void killEngine() {
        engineDead = true;
    }

    boolean isEngineDead() {
        return engineDead;
    }

    private void answer(ReceivedRequest request, HttpConnection connection) throws IOException {
        Fault planned = Call.Route.of(request.path()) == null ? null : nextFaults.poll();
        Fault fault = planned == null ? faults.apply(request) : planned;
        new Exchange(this, request, connection, new Response(connection, fault), fault).answer();
    }

    static byte[] write(Object json) {
        try {
            return LoopbackServer.JSON.writeValueAsBytes(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Cuts all connections and gives the port back. */
    @Override
    public void close() {
        http.close();
    }

    /** Collects what a server is like. Not thread-safe. */
    public static final class Builder {
        private Dialect dialect = Dialect.PYTHON;
        private @Nullable GenerateRoute generateRoute;
        private String model = "fake";
        private Set<String> adapters = Set.of();
        private int maxModelLength = 512;
        private int maxLogprobs = 20;
        private LogprobsMode logprobsMode = LogprobsMode.RAW_LOGPROBS;
        private Map<String, Object> defaults = Map.of();
        private Set<String> apiKeys = Set.of();
        private ScriptedEngine.Script script = FakeModel::babble;
        private Duration tokenDelay = Duration.ZERO;
        private Duration keepAlive = Duration.ofSeconds(5);
        private int maxConcurrent = Integer.MAX_VALUE;
        private int port;
        private boolean prerendered;
        private String structuredText = "{\"answer\": 42}";
        private @Nullable ToolCall toolCall;
        private String reasoning = "";
        private Function<ReceivedRequest, Fault> faults = request -> Fault.NONE;

        private Builder() {}

        public Builder dialect(Dialect dialect) {
            this.dialect = dialect;
            return this;
        }

        /** Where not set: {@code TOKEN_IDS}, in the other dialects {@code ABSENT}. */
        public Builder generateRoute(GenerateRoute route) {
            this.generateRoute = route;
            return this;
        }

        /** The served name; {@code fake} where not set. */
        public Builder model(String name) {
            this.model = name;
            return this;
        }

        /** LoRA adapters: listed, accepted as models, without effect. */
        public Builder adapters(String... names) {
            this.adapters = Set.of(names);
            return this;
        }

        /** {@code --max-model-len}; 512 where not set. */
        public Builder maxModelLength(int tokens) {
            this.maxModelLength = tokens;
            return this;
        }

        /** {@code --max-logprobs}; -1 for no limit, 20 where not set. */
        public Builder maxLogprobs(int most) {
            this.maxLogprobs = most;
            return this;
        }

        public Builder logprobsMode(LogprobsMode mode) {
            this.logprobsMode = mode;
            return this;
        }

        /**
         * The model's {@code generation_config.json}: for fields that a request to the OpenAI routes leaves out, for
         * instance {@code temperature} or {@code top_k}.
         */
        public Builder defaults(Map<String, Object> sampling) {
            this.defaults = Map.copyOf(sampling);
            return this;
        }

        /** {@code --api-key}, any of these; none is needed where not set. */
        public Builder apiKeys(String... keys) {
            this.apiKeys = Set.of(keys);
            return this;
        }

        /** What the model thinks; called by every connection's thread. Letters and Chinese characters where not set. */
        public Builder script(ScriptedEngine.Script script) {
            this.script = script;
            return this;
        }

        /** The model says this and ends its turn, whatever the prompt, unless the prompt ends as the text begins. */
        public Builder saying(String text) {
            byte[] bytes = FakeModel.utf8(text);
            return script(history -> FakeModel.saying(bytes, history));
        }

        /** How long a token takes; no time where not set. */
        public Builder tokenDelay(Duration delay) {
            this.tokenDelay = delay;
            return this;
        }

        /** After how long an idle connection is closed; 5 s where not set, as vLLM has it. */
        public Builder keepAlive(Duration idle) {
            this.keepAlive = idle;
            return this;
        }

        /** {@code --max-num-seqs}: how many requests run at once; more wait in a queue without end. */
        public Builder maxConcurrent(int requests) {
            this.maxConcurrent = requests;
            return this;
        }

        /** A port of one's own choice; any free one where not set. */
        public Builder port(int port) {
            this.port = port;
            return this;
        }

        /**
         * Streams are generated once per body and then served from memory, byte for byte, ids included: for benchmarks,
         * in which the server should need no time.
         */
        public Builder prerendered(boolean prerendered) {
            this.prerendered = prerendered;
            return this;
        }

        /** The answer to every JSON schema, regular expression and grammar. */
        public Builder structuredText(String text) {
            this.structuredText = text;
            return this;
        }

        /** The answer to chats that bring tools, unless {@code tool_choice} is {@code none}. */
        public Builder toolCall(String function, String arguments) {
            this.toolCall = new ToolCall(function, arguments);
            return this;
        }

        /** What the model thinks aloud before it answers a chat. */
        public Builder reasoning(String text) {
            this.reasoning = text;
            return this;
        }

        /** What goes wrong with every request for text. */
        public Builder fault(Fault fault) {
            return faults(request -> Call.Route.of(request.path()) == null ? Fault.NONE : fault);
        }

        /** What goes wrong, request by request, of every route; called by every connection's thread. */
        public Builder faults(Function<ReceivedRequest, Fault> faults) {
            this.faults = faults;
            return this;
        }

        /** Starts the server. */
        public FakeVllm start() {
            return new FakeVllm(this);
        }

        private Settings settings() {
            Require.that(maxModelLength > 1, "maxModelLength", "be at least 2", maxModelLength);
            GenerateRoute route = generateRoute != null
                    ? generateRoute
                    : dialect == Dialect.PYTHON ? GenerateRoute.TOKEN_IDS : GenerateRoute.ABSENT;
            return new Settings(
                    dialect,
                    route,
                    model,
                    adapters,
                    maxModelLength,
                    maxLogprobs,
                    logprobsMode,
                    new TreeMap<>(defaults),
                    apiKeys,
                    script,
                    tokenDelay,
                    keepAlive,
                    prerendered,
                    structuredText,
                    toolCall,
                    reasoning);
        }
    }
}
