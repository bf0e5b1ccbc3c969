package dev.tempera.vllm;

import java.io.IOException;
import java.net.ProxySelector;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import org.jspecify.annotations.Nullable;

/**
 * A {@link Transport} by the JDK's HTTP client: HTTP/1.1 on {@code http://}, the newest that both sides know on
 * {@code https://}. (On {@code http://} the JDK would offer to change to HTTP/2, and uvicorn, which serves vLLM, then loses
 * the request's body.)
 *
 * <p>Connections are kept for the next request. uvicorn closes one that was idle for 5 s; the JDK notices, but a request
 * sent at that very moment breaks: it is sent once more at once, if not a byte of an answer was there. How long the JDK
 * keeps idle connections is one setting for the whole JVM, the system property {@code jdk.httpclient.keepalive.timeout} (in
 * seconds): a library does not touch it.
 *
 * <p>Thread-safe. One transport for the whole program is enough.
 */
public final class HttpTransport implements Transport {
    /** How long after sending a failure may still mean that the connection had been closed before. */
    private static final Duration STALE_SHOWS_WITHIN = Duration.ofSeconds(2);

    private final HttpClient client;

    private HttpTransport(HttpClient client) {
        this.client = client;
    }

    /** With a connect timeout of 10 s and the JDK's defaults for the rest. */
    public static HttpTransport create() {
        return builder().build();
    }

    public static Builder builder() {
        return new Builder();
    }

    /** On a client of the caller's own, as it is configured; only the version of HTTP on {@code http://} is set. */
    public static HttpTransport of(HttpClient client) {
        return new HttpTransport(client);
    }

    @Override
    public Exchange send(Request request) throws IOException {
        HttpRequest.Builder http = HttpRequest.newBuilder(request.uri());
        if ("http".equalsIgnoreCase(request.uri().getScheme())) {
            http.version(HttpClient.Version.HTTP_1_1);
        }
        request.headers().forEach(http::header);
        byte[] body = request.body();
        http.method(
                request.method(),
                body.length == 0 ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofByteArray(body));
        return new HttpExchange(client, http.build(), STALE_SHOWS_WITHIN);
    }

    /** Lets go of the client: its thread ends, and its idle connections close, when nothing uses it any more. */
    @Override
    public void close() {}

    /** Collects settings. Not thread-safe. */
    public static final class Builder {
        private Duration connectTimeout = Duration.ofSeconds(10);
        private @Nullable ProxySelector proxy;
        private @Nullable SSLContext sslContext;
        private @Nullable SSLParameters sslParameters;
        private @Nullable Executor executor;

        private Builder() {}

        public Builder connectTimeout(Duration timeout) {
            connectTimeout = timeout;
            return this;
        }

        /** Unset, there is none: what the JVM's system properties say is not looked at. */
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

        /** Where the JDK's client runs its tasks, all of them short. */
        public Builder executor(Executor executor) {
            this.executor = executor;
            return this;
        }

        public HttpTransport build() {
            HttpClient.Builder client = HttpClient.newBuilder().connectTimeout(connectTimeout);
            if (proxy != null) {
                client.proxy(proxy);
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
            return new HttpTransport(client.build());
        }
    }
}
