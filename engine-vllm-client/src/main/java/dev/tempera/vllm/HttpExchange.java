package dev.tempera.vllm;

import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** A request by the JDK's client. */
final class HttpExchange implements Transport.Exchange {
    private final HttpClient client;
    private final HttpRequest request;
    private final long staleUntil;
    private volatile CompletableFuture<HttpResponse<HttpBody>> answer;
    private volatile boolean closed;
    private boolean resent;
    private @Nullable HttpResponse<HttpBody> response;

    HttpExchange(HttpClient client, HttpRequest request, Duration staleShowsWithin) {
        this.client = client;
        this.request = request;
        this.staleUntil = System.nanoTime() + staleShowsWithin.toNanos();
        this.answer = client.sendAsync(request, info -> new HttpBody());
    }

    @Override
    public int status(Duration timeout) throws IOException {
        long end = System.nanoTime() + timeout.toNanos();
        while (response == null) {
            try {
                response = answer.get(Math.max(1, end - System.nanoTime()), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                throw new SocketTimeoutException("no answer within " + timeout.toMillis() + " ms");
            } catch (InterruptedException e) {
                close();
                Thread.currentThread().interrupt();
                throw new ClosedByInterruptException();
            } catch (CancellationException e) {
                throw closed();
            } catch (ExecutionException e) {
                if (closed) {
                    throw closed();
                }
                IOException failure = failure(Objects.requireNonNull(e.getCause()));
                if (resent || isCertain(failure) || System.nanoTime() - staleUntil > 0) {
                    throw failure;
                }
                resent = true;
                answer = client.sendAsync(request, info -> new HttpBody());
                if (closed) {
                    answer.cancel(true);
                }
            }
        }
        return response.statusCode();
    }

    /** Whether a failure has nothing to do with a connection that had been kept for too long. */
    private static boolean isCertain(IOException failure) {
        return failure instanceof ConnectException
                || failure instanceof UnknownHostException
                || failure instanceof java.net.http.HttpTimeoutException
                || failure instanceof SSLException;
    }

    private IOException failure(Throwable cause) {
        for (Throwable t = cause; t != null; t = t.getCause()) {
            if (t instanceof UnresolvedAddressException) {
                return new UnknownHostException(request.uri().getHost());
            }
        }
        if (cause instanceof ConnectException && cause.getMessage() == null) {
            return new ConnectException("Connection refused");
        }
        return cause instanceof IOException io ? io : new IOException(cause.toString(), cause);
    }

    private static IOException closed() {
        return new IOException("the exchange was closed");
    }

    @Override
    public @Nullable String header(String name) {
        return response == null ? null : response.headers().firstValue(name).orElse(null);
    }

    @Override
    public int read(byte[] into, Duration timeout) throws IOException {
        if (response == null) {
            throw new IllegalStateException("read before status");
        }
        return response.body().read(into, timeout);
    }

    @Override
    public void close() {
        closed = true;
        CompletableFuture<HttpResponse<HttpBody>> current = answer;
        // Closes the connection, if there is no answer yet.
        current.cancel(true);
        if (current.isDone() && !current.isCompletedExceptionally()) {
            current.join().body().close();
        }
    }
}
