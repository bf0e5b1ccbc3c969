package dev.tempera.vllm;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A server that does with each request, whole in bytes, what its handler says; for faults that a real one does not have. */
final class RawServer implements AutoCloseable {
    interface Handler {
        /** @return whether the connection stays open for another request */
        boolean serve(Connection connection, String request) throws Exception;
    }

    /** One connection of a client. */
    record Connection(int number, Socket socket) {
        void write(String text) throws IOException {
            OutputStream out = socket.getOutputStream();
            out.write(text.getBytes(StandardCharsets.UTF_8));
            out.flush();
        }

        /** A piece of a chunked body. */
        void chunk(String text) throws IOException {
            write(Integer.toHexString(text.getBytes(StandardCharsets.UTF_8).length) + "\r\n" + text + "\r\n");
        }

        /** How long it takes until the client closes the connection. */
        long millisUntilClosed() {
            long begin = System.nanoTime();
            try {
                socket.setSoTimeout(5000);
                while (socket.getInputStream().read() >= 0) {
                    // What comes has no meaning.
                }
            } catch (IOException e) {
                // A reset is an end, too; a timeout shows in the time.
            }
            return (System.nanoTime() - begin) / 1_000_000;
        }
    }

    private final ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final List<Socket> open = new CopyOnWriteArrayList<>();
    private final AtomicInteger connections = new AtomicInteger();
    final Queue<String> requests = new ConcurrentLinkedQueue<>();
    final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();

    RawServer(Handler handler) throws IOException {
        start(() -> {
            while (!socket.isClosed()) {
                Socket client = socket.accept();
                open.add(client);
                int number = connections.incrementAndGet();
                start(() -> {
                    try (client) {
                        Connection connection = new Connection(number, client);
                        InputStream in = new BufferedInputStream(client.getInputStream());
                        for (String request; (request = request(in)) != null; ) {
                            requests.add(request);
                            if (!handler.serve(connection, request)) {
                                return;
                            }
                        }
                    }
                });
            }
        });
    }

    private interface Task {
        void run() throws Exception;
    }

    private void start(Task task) {
        Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (IOException e) {
                // The client or the test closed it.
            } catch (Throwable e) {
                failures.add(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    /** Head and body; null at the end. */
    private static String request(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int next = in.read();
            if (next < 0) {
                return null;
            }
            head.append((char) next);
        }
        int length = 0;
        for (String line : head.toString().split("\r\n")) {
            if (line.toLowerCase(java.util.Locale.ROOT).startsWith("content-length:")) {
                length = Integer.parseInt(line.substring(15).strip());
            }
        }
        return head + new String(in.readNBytes(length), StandardCharsets.UTF_8);
    }

    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + socket.getLocalPort() + path);
    }

    int connections() {
        return connections.get();
    }

    @Override
    public void close() throws IOException {
        socket.close();
        for (Socket each : open) {
            each.close();
        }
    }
}
