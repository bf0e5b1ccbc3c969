package dev.tempera.testkit.vllm;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tempera.Require;
import dev.tempera.testkit.ByteTokenizer;
import dev.tempera.testkit.ScriptedEngine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
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
    static final ObjectMapper JSON = new ObjectMapper();

    private static final TypeReference<Map<String, Object>> OBJECT = new TypeReference<>() {};
    private static final int MOST_REQUESTS_KEPT = 20_000;

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
    private final Deque<ReceivedRequest> requests = new ArrayDeque<>();
    private final Set<HttpConnection> connections = ConcurrentHashMap.newKeySet();
    private final ServerSocket listener;
    private final ExecutorService threads;
    private volatile boolean engineDead;
    private volatile boolean closed;
    private int requestCount;

    private FakeVllm(Builder builder) {
        settings = builder.settings();
        slots = new Semaphore(builder.maxConcurrent, true);
        faults = builder.faults;
        threads = Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task, "fake-vllm");
            thread.setDaemon(true);
            return thread;
        });
        try {
            listener = new ServerSocket(builder.port, 1024, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot listen on port " + builder.port, e);
        }
        threads.execute(this::accept);
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
        return URI.create("http://127.0.0.1:" + port());
    }

    public int port() {
        return listener.getLocalPort();
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
        synchronized (requests) {
            return List.copyOf(requests);
        }
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
        synchronized (requests) {
            requests.clear();
        }
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

    /** How many requests were answered to the end. */
    public int finished() {
        return counters.finished.get();
    }

    /** How many tokens were generated. */
    public long generatedTokens() {
        return counters.tokens.get();
    }

    /** How many connections are open. */
    public int connections() {
        return connections.size();
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

    private void accept() {
        while (!closed) {
            try {
                Socket socket = listener.accept();
                threads.execute(() -> serve(socket));
            } catch (IOException | java.util.concurrent.RejectedExecutionException e) {
                // Closed, or one connection that came to nothing.
            }
        }
    }

    private void serve(Socket socket) {
        try (HttpConnection connection = new HttpConnection(socket)) {
            connections.add(connection);
            try {
                boolean open = !closed;
                while (open) {
                    HttpConnection.Head head =
                            connection.read((int) settings.keepAlive().toMillis());
                    if (head == null) {
                        return;
                    }
                    open = answer(head, connection);
                }
            } finally {
                connections.remove(connection);
            }
        } catch (IOException e) {
            // The client left, or a fault broke the connection.
        }
    }

    /** @return whether the connection stays open */
    private boolean answer(HttpConnection.Head head, HttpConnection connection) throws IOException {
        ReceivedRequest request = received(head);
        boolean generation = Call.Route.of(request.path()) != null;
        Fault planned = generation ? nextFaults.poll() : null;
        Fault fault = planned == null ? faults.apply(request) : planned;
        Response response = new Response(connection, fault);
        new Exchange(this, request, connection, response, fault).answer();
        return !"close".equalsIgnoreCase(head.headers().get("connection"));
    }

    private ReceivedRequest received(HttpConnection.Head head) {
        String path = head.target().replaceFirst("\\?.*", "");
        // uvicorn's parser takes the offer for a new protocol and hands on no body (Kludex/uvicorn#2722).
        boolean lost = settings.dialect() != Dialect.RUST
                && "h2c".equalsIgnoreCase(head.headers().get("upgrade"));
        byte[] body = lost ? new byte[0] : head.body();
        synchronized (requests) {
            ReceivedRequest request =
                    new ReceivedRequest(++requestCount, head.method(), path, head.headers(), body, json(body));
            requests.add(request);
            if (requests.size() > MOST_REQUESTS_KEPT) {
                requests.remove();
            }
            return request;
        }
    }

    private static @Nullable Map<String, Object> json(byte[] body) {
        if (body.length == 0) {
            return null;
        }
        try {
            return JSON.readValue(body, OBJECT);
        } catch (IOException e) {
            return null;
        }
    }

    static byte[] write(Object json) {
        try {
            return JSON.writeValueAsBytes(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Cuts all connections and gives the port back. */
    @Override
    public void close() {
        closed = true;
        try {
            listener.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        connections.forEach(HttpConnection::close);
        threads.shutdownNow();
        try {
            for (int i = 0; i < 100 && !threads.awaitTermination(50, TimeUnit.MILLISECONDS); i++) {
                connections.forEach(HttpConnection::close); // one that was accepted meanwhile
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
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
