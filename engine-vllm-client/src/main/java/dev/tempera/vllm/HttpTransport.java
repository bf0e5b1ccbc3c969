package dev.tempera.vllm;

import java.io.IOException;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import org.jspecify.annotations.Nullable;

/**
 * A {@link Transport} by HTTP. {@code http://} is HTTP/1.1 over a plain connection, TCP or a unix socket, that is read by the
 * thread that wants the tokens; {@code https://}, and whatever goes through a proxy, is the JDK's HTTP client, which agrees
 * on the newest version of HTTP with the other side. (On {@code http://} the JDK would offer to change to HTTP/2, and
 * uvicorn, which serves vLLM, then loses the request's body.)
 *
 * <p>Connections are kept for the next request: plain ones for 4 s, since uvicorn closes an idle one after 5 s; those of the
 * JDK as long as the system property {@code jdk.httpclient.keepalive.timeout} says (in seconds, for the whole JVM: a library
 * does not touch it). A request that meets a connection just being closed is sent once more at once, if not a byte of an
 * answer was there.
 *
 * <p>Thread-safe. One transport for the whole program is enough. {@link #send} connects, so it waits for at most the connect
 * timeout.
 */
public final class HttpTransport implements Transport {
    /** How long after sending a failure may still mean that the connection had been closed before. */
    private static final Duration STALE_SHOWS_WITHIN = Duration.ofSeconds(2);

    private final HttpClient.@Nullable Builder configuration;
    private final @Nullable SocketPool sockets;
    private final @Nullable ProxySelector proxy;

    private @Nullable HttpClient client; // guarded by this; has a thread, so it is made when it is needed

    private HttpTransport(
            HttpClient.@Nullable Builder configuration,
            @Nullable HttpClient client,
            @Nullable SocketPool sockets,
            @Nullable ProxySelector proxy) {
        this.configuration = configuration;
        this.client = client;
        this.sockets = sockets;
        this.proxy = proxy;
    }

    /** With a connect timeout of 10 s. */
    public static HttpTransport create() {
        return builder().build();
    }

    public static Builder builder() {
        return new Builder();
    }

    /**
     * On a client of the caller's own for everything, as it is configured; only the version of HTTP on {@code http://} is
     * set.
     */
    public static HttpTransport of(HttpClient client) {
        return new HttpTransport(null, client, null, null);
    }

    @Override
    public Exchange send(Request request) throws IOException {
        boolean plain = "http".equalsIgnoreCase(request.uri().getScheme());
        if (plain && sockets != null && isDirect(request)) {
            return new SocketExchange(sockets, request);
        }
        HttpRequest.Builder http = HttpRequest.newBuilder(request.uri());
        if (plain) {
            http.version(HttpClient.Version.HTTP_1_1);
        }
        request.headers().forEach(http::header);
        byte[] body = request.body();
        http.method(
                request.method(),
                body.length == 0 ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofByteArray(body));
        return new HttpExchange(client(), http.build(), STALE_SHOWS_WITHIN);
    }

    private synchronized HttpClient client() {
        if (client == null) {
            client = Objects.requireNonNull(configuration).build();
        }
        return client;
    }

    private boolean isDirect(Request request) {
        return proxy == null || proxy.select(request.uri()).stream().allMatch(each -> each.type() == Proxy.Type.DIRECT);
    }

    /**
     * Closes idle connections. Those of the JDK's client close, and its thread ends, when the garbage collector finds that
     * nothing uses it any more.
     */
    @Override
    public void close() {
        if (sockets != null) {
            sockets.close();
        }
    }

    /** Collects settings. Not thread-safe. */
    public static final class Builder {
        private Duration connectTimeout = Duration.ofSeconds(10);
        private @Nullable ProxySelector proxy;
        private @Nullable SSLContext sslContext;
        private @Nullable SSLParameters sslParameters;
        private @Nullable Executor executor;
        private @Nullable Path unixSocket;

        private Builder() {}

        public Builder connectTimeout(Duration timeout) {
            connectTimeout = timeout;
            return this;
        }

        /** Unset, it is the JVM's, see {@link ProxySelector#getDefault}; {@link HttpClient.Builder#NO_PROXY} is none. */
        public Builder proxy(ProxySelector proxy) {
            this.proxy = proxy;
            return this;
        }

        /** Trust and keys for {@code https://}: an own certificate authority, or a client certificate. */
        public Builder sslContext(SSLContext context) {
            sslContext = context;
            return this;
        }

        /** Protocols and ciphers for {@code https://}. */
        public Builder sslParameters(SSLParameters parameters) {
            sslParameters = parameters;
            return this;
        }

        /** Where {@code http://} goes, whatever host it says: vLLM listens there with {@code --uds PATH}. */
        public Builder unixSocket(Path path) {
            unixSocket = path;
            return this;
        }

        /** Where the JDK's client runs its tasks, all of them short. */
        public Builder executor(Executor executor) {
            this.executor = executor;
            return this;
        }

        public HttpTransport build() {
            HttpClient.Builder client = HttpClient.newBuilder().connectTimeout(connectTimeout);
            ProxySelector selector = proxy != null ? proxy : ProxySelector.getDefault();
            if (selector != null) {
                client.proxy(selector);
            }
            if (sslContext != null) {
                client.sslContext(sslContext);
            }
            if (sslParameters != null) {
                client.sslParameters(sslParameters);
            }
            if (executor != null) {
                client.executor(executor);
            }
            return new HttpTransport(
                    client,
                    null,
                    new SocketPool(unixSocket, connectTimeout),
                    unixSocket == null ? selector : HttpClient.Builder.NO_PROXY);
        }
    }
}
