package dev.tempera.testkit.vllm;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
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
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Listens on the loopback address, reads requests and keeps them; whoever made it answers. One thread a connection. */
final class LoopbackServer implements AutoCloseable {
    static final ObjectMapper JSON = new ObjectMapper();

    private static final TypeReference<Map<String, Object>> OBJECT = new TypeReference<>() {};
    private static final int MOST_REQUESTS_KEPT = 20_000;

    /** Answers one request. Called by the thread of its connection. */
    interface Handler {
        void answer(ReceivedRequest request, HttpConnection connection) throws IOException;
    }

    private final Handler handler;
    private final boolean losesUpgrades;
    private final int keepAliveMillis;
    private final Deque<ReceivedRequest> requests = new ArrayDeque<>();
    private final Set<HttpConnection> connections = ConcurrentHashMap.newKeySet();
    private final ServerSocket listener;
    private final ExecutorService threads;
    private volatile boolean closed;
    private int requestCount;

    /**
     * @param port 0 for any that is free
     * @param losesUpgrades whether the body of a request that offers HTTP/2 is lost
     */
    LoopbackServer(int port, Duration keepAlive, boolean losesUpgrades, Handler handler) {
        this.handler = handler;
        this.losesUpgrades = losesUpgrades;
        this.keepAliveMillis = (int) keepAlive.toMillis();
        threads = Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task, "fake-vllm");
            thread.setDaemon(true);
            return thread;
        });
        try {
            listener = new ServerSocket(port, 1024, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot listen on port " + port, e);
        }
    }

    /** Once whoever answers is ready. */
    void start() {
        threads.execute(this::accept);
    }

    int port() {
        return listener.getLocalPort();
    }

    URI uri() {
        return URI.create("http://127.0.0.1:" + port());
    }

    int connections() {
        return connections.size();
    }

    List<ReceivedRequest> requests() {
        synchronized (requests) {
            return List.copyOf(requests);
        }
    }

    void clearRequests() {
        synchronized (requests) {
            requests.clear();
        }
    }

    private void accept() {
        while (!closed) {
            try {
                Socket socket = listener.accept();
                threads.execute(() -> serve(socket));
            } catch (IOException | RejectedExecutionException e) {
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
                    HttpConnection.Head head = connection.read(keepAliveMillis);
                    if (head == null) {
                        return;
                    }
                    handler.answer(received(head), connection);
                    open = !"close".equalsIgnoreCase(head.headers().get("connection"));
                }
            } finally {
                connections.remove(connection);
            }
        } catch (IOException e) {
            // The client left, or a fault broke the connection.
        }
    }

    private ReceivedRequest received(HttpConnection.Head head) {
        String path = head.target().replaceFirst("\\?.*", "");
        // uvicorn's parser takes the offer for a new protocol and hands on no body (Kludex/uvicorn#2722).
        boolean lost = losesUpgrades && "h2c".equalsIgnoreCase(head.headers().get("upgrade"));
        byte[] body = lost ? new byte[0] : head.body();
        Map<String, Object> json = json(body);
        synchronized (requests) {
            ReceivedRequest request =
                    new ReceivedRequest(++requestCount, head.method(), path, head.headers(), body, json);
            requests.add(request);
            if (requests.size() > MOST_REQUESTS_KEPT) {
                requests.remove();
            }
            return request;
        }
    }

    /** Null if it is no JSON object. */
    static @Nullable Map<String, Object> json(byte[] body) {
        if (body.length == 0) {
            return null;
        }
        try {
            return JSON.readValue(body, OBJECT);
        } catch (IOException e) {
            return null;
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
        threads.shutdownNow();
        try {
            do {
                connections.forEach(HttpConnection::close); // also one that was accepted meanwhile
            } while (!threads.awaitTermination(20, TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
