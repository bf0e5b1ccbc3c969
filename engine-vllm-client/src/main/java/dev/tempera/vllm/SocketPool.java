package dev.tempera.vllm;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Connections that wait for their next request, for less than the 5 s after which uvicorn closes them. Thread-safe.
 */
final class SocketPool {
    private static final long MOST_IDLE_NANOS = Duration.ofSeconds(4).toNanos();

    private final @Nullable Path unixSocket;
    private final Duration connectTimeout;
    private final Map<String, ArrayDeque<SocketConnection>> idle = new HashMap<>(); // newest first; guarded by itself
    private boolean sweeping; // guarded by idle
    private boolean closed; // guarded by idle

    /** @param unixSocket where all connections go, whatever the address of a request says; null for TCP */
    SocketPool(@Nullable Path unixSocket, Duration connectTimeout) {
        this.unixSocket = unixSocket;
        this.connectTimeout = connectTimeout;
    }

    /** One that was used before and is alive; null if there is none. */
    @Nullable
    SocketConnection reuse(URI uri) {
        while (true) {
            SocketConnection connection;
            synchronized (idle) {
                ArrayDeque<SocketConnection> those = idle.get(uri.getRawAuthority());
                connection = those == null ? null : those.pollFirst();
            }
            if (connection == null) {
                return null;
            }
            if (System.nanoTime() - connection.idleSince < MOST_IDLE_NANOS && connection.isAlive()) {
                return connection;
            }
            connection.close();
        }
    }

    SocketConnection open(URI uri) throws IOException {
        if (unixSocket != null) {
            return SocketConnection.open(UnixDomainSocketAddress.of(unixSocket), connectTimeout);
        }
        Authority authority = Authority.of(uri);
        String host = authority.host();
        int port = authority.port() < 0 ? 80 : authority.port();
        IOException failure = null;
        // A name may have an address on which nobody listens: localhost has two, and vLLM listens on one.
        for (InetAddress each : InetAddress.getAllByName(host)) {
            SocketAddress address = new InetSocketAddress(each, port);
            try {
                return SocketConnection.open(address, connectTimeout);
            } catch (ConnectException e) {
                failure = failure == null ? e : failure;
            }
        }
        throw failure == null ? new ConnectException("no address of " + host) : failure;
    }

    void giveBack(URI uri, SocketConnection connection) {
        boolean sweep;
        synchronized (idle) {
            if (closed) {
                connection.close();
                return;
            }
            connection.idleSince = System.nanoTime();
            idle.computeIfAbsent(uri.getRawAuthority(), each -> new ArrayDeque<>())
                    .addFirst(connection);
            sweep = !sweeping;
            sweeping = true;
        }
        if (sweep) {
            sweepLater();
        }
    }

    /** The JDK's own timer, which waits for nothing else: no thread of ours. */
    private void sweepLater() {
        CompletableFuture.delayedExecutor(MOST_IDLE_NANOS, TimeUnit.NANOSECONDS).execute(this::sweep);
    }

    private void sweep() {
        boolean more;
        synchronized (idle) {
            long now = System.nanoTime();
            for (Iterator<ArrayDeque<SocketConnection>> all = idle.values().iterator(); all.hasNext(); ) {
                ArrayDeque<SocketConnection> those = all.next();
                those.removeIf(each -> {
                    boolean old = now - each.idleSince >= MOST_IDLE_NANOS;
                    if (old) {
                        each.close();
                    }
                    return old;
                });
                if (those.isEmpty()) {
                    all.remove();
                }
            }
            more = !idle.isEmpty();
            sweeping = more;
        }
        if (more) {
            sweepLater();
        }
    }

    void close() {
        synchronized (idle) {
            closed = true;
            idle.values().forEach(those -> those.forEach(SocketConnection::close));
            idle.clear();
        }
    }
}
