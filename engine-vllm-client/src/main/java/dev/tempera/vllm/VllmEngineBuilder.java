package dev.tempera.vllm;

import dev.tempera.InvalidParametersException;
import dev.tempera.Require;
import dev.tempera.engine.ChatTemplate;
import dev.tempera.engine.Tokenizer;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Choices for {@link VllmEngine}; what is not chosen has a sensible default. Not thread-safe. */
public final class VllmEngineBuilder {
    private static final Set<String> OWN_HEADERS =
            Set.of("host", "content-type", "content-length", "connection", "upgrade", "x-request-id", "accept");

    private final List<URI> addresses = new ArrayList<>();
    private final Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    private Supplier<@Nullable String> apiKey = () -> null;
    private @Nullable String model;
    private @Nullable Tokenizer tokenizer;
    private @Nullable ChatTemplate chatTemplate;
    private ChatRendering chatRendering = ChatRendering.SERVER;
    private Timeouts timeouts = Timeouts.DEFAULT;
    private Retries retries = Retries.DEFAULT;
    private boolean resume = true;
    private @Nullable Stepwise stepwise;
    private FleetOptions fleet = FleetOptions.DEFAULT;
    private int concurrency = 64;
    private @Nullable Transport transport;
    private @Nullable BiConsumer<String, String> tap;
    private @Nullable Executor executor;

    VllmEngineBuilder(URI first, URI... more) {
        addresses.add(Server.address(first));
        for (URI uri : more) {
            URI address = Server.address(uri);
            Require.that(!addresses.contains(address), "the servers", "differ", address + " twice");
            addresses.add(address);
        }
    }

    /** What the server was started with as {@code --api-key}; without one, none is sent. */
    public VllmEngineBuilder apiKey(String key) {
        return apiKey(() -> key);
    }

    /** A key that may change: asked for at every request, by the thread that sends it. */
    public VllmEngineBuilder apiKey(Supplier<@Nullable String> key) {
        apiKey = key;
        return this;
    }

    /** A name that the server serves; by default the first that is no adapter. */
    public VllmEngineBuilder model(String name) {
        model = name;
        return this;
    }

    /**
     * The model's own. With it, token ids go out and come back, and the text is decoded, and ended, by the same code as
     * that of the engine in this JVM. That it is the server's is checked at the start. Not closed by the engine.
     */
    public VllmEngineBuilder tokenizer(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
        return this;
    }

    /** For {@link ChatRendering#LOCAL}. */
    public VllmEngineBuilder chatTemplate(ChatTemplate template) {
        chatTemplate = template;
        return this;
    }

    /** Who renders conversations; by default the server. */
    public VllmEngineBuilder chatRendering(ChatRendering rendering) {
        chatRendering = rendering;
        return this;
    }

    /** A further header of every request, for a gateway. */
    public VllmEngineBuilder header(String name, String value) {
        Require.that(
                name.matches("[!#$%&'*+.^_`|~0-9A-Za-z-]+"), "header name", "be a token of HTTP", "\"" + name + "\"");
        Require.that(
                !OWN_HEADERS.contains(name.toLowerCase(Locale.ROOT)),
                "header name",
                "be none that this client sets itself",
                "\"" + name + "\"");
        if (!value.chars().allMatch(c -> c >= ' ' && c < 127)) {
            throw new InvalidParametersException(
                    "the value of header " + name + " must be printable ASCII; it is not shown here");
        }
        headers.put(name, value);
        return this;
    }

    /** By default {@link Timeouts#DEFAULT}. With a transport of the caller's own, connecting is that one's matter. */
    public VllmEngineBuilder timeouts(Timeouts timeouts) {
        this.timeouts = timeouts;
        return this;
    }

    /** By default {@link Retries#DEFAULT}. */
    public VllmEngineBuilder retries(Retries retries) {
        this.retries = retries;
        return this;
    }

    /**
     * Whether a generation whose connection breaks goes on in a further request where that changes nothing: with a
     * tokenizer, without a seed of the caller's unless greedy, and without parameters whose meaning depends on what is
     * prompt and what output, such as presence and frequency penalties. The plan says whether it would. On by default.
     */
    public VllmEngineBuilder resume(boolean resume) {
        this.resume = resume;
        return this;
    }

    /** Whether processors that the server does not have may run here, at a request per token; off by default. */
    public VllmEngineBuilder allowStepwise(boolean allow) {
        return stepwise(allow ? Stepwise.DEFAULT : null);
    }

    /** Allows processors that the server does not have, and says how they run; null to refuse them. */
    public VllmEngineBuilder stepwise(@Nullable Stepwise how) {
        stepwise = how;
        return this;
    }

    /** How requests are spread over several servers, and how many go out at a time. */
    public VllmEngineBuilder fleet(FleetOptions options) {
        fleet = options;
        return this;
    }

    /** How many requests {@link VllmEngine#generateAll} has under way at a time; 64 by default. */
    public VllmEngineBuilder concurrency(int requests) {
        Require.that(requests >= 1, "concurrency", "be at least 1", requests);
        concurrency = requests;
        return this;
    }

    /** For a proxy, own certificates, or another way to the server. Not closed by the engine. */
    public VllmEngineBuilder transport(Transport transport) {
        this.transport = transport;
        return this;
    }

    /** Is shown the id of a request and each payload of its stream as it came, by the thread that reads: for debugging. */
    public VllmEngineBuilder eventTap(BiConsumer<String, String> tap) {
        this.tap = tap;
        return this;
    }

    /**
     * Where {@link VllmEngine#generateAsync}, {@link VllmEngine#publish} and {@link VllmEngine#generateAll} wait: one
     * task for each generation, such as {@code Executors.newVirtualThreadPerTaskExecutor()} gives. By default daemon
     * threads of the engine's own, made as they are needed.
     */
    public VllmEngineBuilder executor(Executor executor) {
        this.executor = executor;
        return this;
    }

    /**
     * Connects: asks every server what it can do.
     *
     * @throws VllmException if a single server cannot be used, or none of several; of several, one that is down is left
     *     out until it is up
     * @throws InvalidParametersException if choices contradict each other
     */
    public VllmEngine open() {
        if (chatRendering == ChatRendering.LOCAL && (tokenizer == null || chatTemplate == null)) {
            throw new InvalidParametersException("chat rendering LOCAL needs a tokenizer and a chat template:"
                    + " builder.tokenizer(...).chatTemplate(...)");
        }
        if (chatRendering == ChatRendering.SERVER && chatTemplate != null) {
            throw new InvalidParametersException(
                    "the chat template would have no effect: choose chatRendering(ChatRendering.LOCAL)");
        }
        Transport used = transport != null
                ? transport
                : HttpTransport.builder().connectTimeout(timeouts.connect()).build();
        List<Server> servers = addresses.stream()
                .map(address -> new Server(address, used, apiKey, headers))
                .toList();
        try {
            return VllmEngine.connect(
                    servers,
                    fleet,
                    (server, timeout) -> new CapabilityProbe(server, timeout, model, tokenizer).run(),
                    new VllmEngine.Choices(
                            tokenizer,
                            chatRendering == ChatRendering.LOCAL ? chatTemplate : null,
                            timeouts,
                            retries,
                            resume,
                            stepwise,
                            concurrency,
                            tap,
                            executor,
                            transport == null ? used : null));
        } catch (RuntimeException | Error e) {
            if (transport == null) {
                used.close();
            }
            throw e;
        }
    }
}
