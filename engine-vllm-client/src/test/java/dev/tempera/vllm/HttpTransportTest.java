package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
@ParameterizedClass
@ValueSource(booleans = {true, false})
class HttpTransportTest {
    private static final Duration LONG = Duration.ofSeconds(10);
    private static final String CHUNKED =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    private static final String SHORT = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    /** Whether http:// goes over plain sockets, as it does by default, or by the JDK's client, as https:// does. */
    @Parameter
    boolean plain;

    private Transport transport;

    @BeforeEach
    void openTransport() {
        transport = plain ? HttpTransport.create() : HttpTransport.of(HttpClient.newHttpClient());
    }

    @AfterEach
    void closeTransport() {
        transport.close();
    }

    @Test
    void request_isSentAsItIs_withoutAnOfferOfHttp2() throws Exception {
        try (RawServer server = new RawServer((connection, request) -> {
                    connection.write("HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 5\r\n\r\nlater");
                    return true;
                });
                Transport.Exchange exchange = send(server, "/v1/completions", "{\"春\":1}")) {
            assertThat(exchange.header("Retry-After")).isNull();
            assertThat(exchange.status(LONG)).isEqualTo(429);
            assertThat(exchange.status(LONG)).isEqualTo(429);
            assertThat(exchange.header("retry-after")).isEqualTo("3");
            assertThat(exchange.header("Location")).isNull();
            assertThat(text(exchange)).isEqualTo("later");
            assertThat(exchange.read(new byte[1], LONG)).isEqualTo(-1);
            String request = server.requests.remove();
            assertThat(request).startsWith("POST /v1/completions HTTP/1.1\r\n").endsWith("\r\n\r\n{\"春\":1}");
            assertThat(request)
                    .containsIgnoringCase("\r\nX-Test: yes\r\n")
                    .containsIgnoringCase("\r\nHost: 127.0.0.1:");
            assertThat(request).doesNotContainIgnoringCase("upgrade").doesNotContainIgnoringCase("http2");
        }
    }

    @Test
    void get_hasNoBody() throws Exception {
        try (RawServer server = new RawServer((connection, request) -> {
                    connection.write(SHORT);
                    return true;
                });
                Transport.Exchange exchange =
                        transport.send(new Transport.Request("GET", server.uri("/health"), Map.of(), new byte[0]))) {
            assertThat(exchange.status(LONG)).isEqualTo(200);
            assertThat(text(exchange)).isEqualTo("ok");
            assertThat(server.requests.remove())
                    .startsWith("GET /health HTTP/1.1\r\n")
                    .endsWith("\r\n\r\n");
        }
    }

    @Test
    void connection_isKeptAfterABodyReadToItsEnd() throws Exception {
        try (RawServer server = new RawServer((connection, request) -> {
            connection.write(CHUNKED);
            connection.chunk("a");
            connection.chunk("b");
            connection.write("0\r\n\r\n");
            return true;
        })) {
            for (int i = 0; i < 3; i++) {
                try (Transport.Exchange exchange = send(server, "/", "x")) {
                    exchange.status(LONG);
                    assertThat(text(exchange)).isEqualTo("ab");
                }
            }
            assertThat(server.connections()).isEqualTo(1);
        }
    }

    @Test
    void read_givesWhatIsThere_andTimesOut_andGoesOn() throws Exception {
        CountDownLatch timedOut = new CountDownLatch(1);
        try (RawServer server = new RawServer((connection, request) -> {
                    connection.write(CHUNKED);
                    connection.chunk("first");
                    timedOut.await();
                    connection.chunk("second");
                    connection.write("0\r\n\r\n");
                    return true;
                });
                Transport.Exchange exchange = send(server, "/", "x")) {
            exchange.status(LONG);
            byte[] into = new byte[3];
            assertThat(exchange.read(into, LONG)).isEqualTo(3);
            assertThat(into).asString(StandardCharsets.UTF_8).isEqualTo("fir");
            assertThat(exchange.read(into, LONG)).isEqualTo(2);
            assertThatThrownBy(() -> exchange.read(into, Duration.ofMillis(50)))
                    .isInstanceOf(SocketTimeoutException.class)
                    .hasMessage("nothing came within 50 ms");
            timedOut.countDown();
            assertThat(text(exchange)).isEqualTo("second");
        }
    }

    @Test
    void status_timesOut_andGoesOn() throws Exception {
        CountDownLatch timedOut = new CountDownLatch(1);
        try (RawServer server = new RawServer((connection, request) -> {
                    timedOut.await();
                    connection.write(SHORT);
                    return true;
                });
                Transport.Exchange exchange = send(server, "/", "x")) {
            assertThatThrownBy(() -> exchange.status(Duration.ofMillis(50)))
                    .isInstanceOf(SocketTimeoutException.class)
                    .hasMessage("no answer within 50 ms");
            timedOut.countDown();
            assertThat(exchange.status(LONG)).isEqualTo(200);
            assertThat(text(exchange)).isEqualTo("ok");
        }
    }

    @Test
    void close_midStream_closesTheConnectionAndUnblocksTheReader() throws Exception {
        CompletableFuture<Long> closed = new CompletableFuture<>();
        CountDownLatch sent = new CountDownLatch(1);
        try (RawServer server = new RawServer((connection, request) -> {
            connection.write(CHUNKED);
            connection.chunk("a");
            sent.await();
            closed.complete(connection.millisUntilClosed());
            return false;
        })) {
            Transport.Exchange exchange = send(server, "/", "x");
            exchange.status(LONG);
            exchange.read(new byte[9], LONG);
            Waiting reader = new Waiting(() -> exchange.read(new byte[9], LONG));
            sent.countDown();
            exchange.close();
            assertThat(closed.get(5, TimeUnit.SECONDS)).isLessThan(2000);
            assertThat(reader.failure()).isInstanceOf(IOException.class).hasMessage("the exchange was closed");
            exchange.close();
        }
    }

    @Test
    void close_beforeAnAnswer_closesTheConnectionAndUnblocksWhoeverWaits() throws Exception {
        CompletableFuture<Long> closed = new CompletableFuture<>();
        CountDownLatch asked = new CountDownLatch(1);
        try (RawServer server = new RawServer((connection, request) -> {
            asked.countDown();
            closed.complete(connection.millisUntilClosed());
            return false;
        })) {
            Transport.Exchange exchange = send(server, "/", "x");
            Waiting waiting = new Waiting(() -> exchange.status(LONG));
            asked.await();
            exchange.close();
            assertThat(closed.get(5, TimeUnit.SECONDS)).isLessThan(2000);
            assertThat(waiting.failure()).isInstanceOf(IOException.class).hasMessage("the exchange was closed");
            assertThat(server.requests).as("not sent again").hasSize(1);
        }
    }

    @Test
    void interrupt_closesTheConnection_whileWaitingForTheAnswerOrTheBody() throws Exception {
        for (String answer : new String[] {"", CHUNKED}) {
            CompletableFuture<Long> closed = new CompletableFuture<>();
            CountDownLatch asked = new CountDownLatch(1);
            try (RawServer server = new RawServer((connection, request) -> {
                connection.write(answer);
                asked.countDown();
                closed.complete(connection.millisUntilClosed());
                return false;
            })) {
                Transport.Exchange exchange = send(server, "/", "x");
                Waiting waiting = new Waiting(() -> {
                    exchange.status(LONG);
                    exchange.read(new byte[9], LONG);
                });
                asked.await();
                waiting.thread.interrupt();
                assertThat(waiting.failure()).isInstanceOf(ClosedByInterruptException.class);
                assertThat(waiting.stillInterrupted).isTrue();
                assertThat(closed.get(5, TimeUnit.SECONDS)).isLessThan(2000);
            }
        }
    }

    @Test
    void staleConnection_isReplacedOnce() throws Exception {
        try (RawServer server = new RawServer((connection, request) -> {
            if (connection.number() == 1 && !request.endsWith("first")) {
                return false; // as a server that closes an idle connection while the request is on its way
            }
            connection.write(SHORT);
            return true;
        })) {
            for (String body : new String[] {"first", "second"}) {
                try (Transport.Exchange exchange = send(server, "/", body)) {
                    assertThat(exchange.status(LONG)).isEqualTo(200);
                    assertThat(text(exchange)).isEqualTo("ok");
                }
            }
            assertThat(server.connections()).isEqualTo(2);
        }
    }

    @Test
    void connectionThatTheServerClosed_isNotUsedAgain() throws Exception {
        CountDownLatch closed = new CountDownLatch(1);
        try (RawServer server = new RawServer((connection, request) -> {
            connection.write(SHORT);
            if (connection.number() == 1) {
                connection.socket().close();
                closed.countDown();
            }
            return true;
        })) {
            for (int i = 0; i < 2; i++) {
                try (Transport.Exchange exchange = send(server, "/", "x")) {
                    assertThat(exchange.status(LONG)).isEqualTo(200);
                    assertThat(text(exchange)).isEqualTo("ok");
                }
                closed.await();
            }
            assertThat(server.requests).hasSize(2);
        }
    }

    /** Every framing that HTTP/1.1 has for a body, in two pieces whose border is at any byte. */
    @Test
    void answer_cutAnywhere_isTheSame() throws Exception {
        String[] answers = {
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A:  b \r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "5;name=value\r\nfirst\r\n000A\r\n and more.\r\n0\r\nTrailer: yes\r\n\r\n",
            "HTTP/1.1 200\r\nx-a:b\r\nContent-Length: 15\r\n\r\nfirst and more.",
            "HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nfirst and more."
        };
        for (String answer : answers) {
            for (int cut = 1; cut < answer.length(); cut++) {
                int at = cut;
                try (RawServer server = new RawServer((connection, request) -> {
                            connection.socket().setTcpNoDelay(true);
                            connection.write(answer.substring(0, at));
                            connection.write(answer.substring(at));
                            return !answer.startsWith("HTTP/1.0");
                        });
                        Transport.Exchange exchange = send(server, "/", "x")) {
                    assertThat(exchange.status(LONG)).isEqualTo(200);
                    assertThat(exchange.header("X-A")).isEqualTo("b");
                    assertThat(text(exchange))
                            .as("cut at %d of %s", cut, answer)
                            .isEqualTo("first and more.");
                }
            }
        }
    }

    @Test
    void answer_thatIsNotHttp_isAFailure() throws Exception {
        String[] answers = {
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n"
        };
        for (String answer : answers) {
            try (RawServer server = new RawServer((connection, request) -> {
                        connection.write(answer);
                        return false;
                    });
                    Transport.Exchange exchange = send(server, "/", "x")) {
                assertThatThrownBy(() -> {
                            exchange.status(LONG);
                            exchange.read(new byte[99], LONG);
                        })
                        .as(answer)
                        .isInstanceOf(IOException.class);
            }
        }
    }

    @Test
    void header_withALineEnd_isRefused() throws Exception {
        try (RawServer server = new RawServer((connection, request) -> false)) {
            assertThatThrownBy(() -> transport.send(new Transport.Request(
                            "GET", server.uri("/"), Map.of("X-Test", "a\r\nX-Other: b"), new byte[0])))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void serverThatNeverAnswers_isAskedTwiceAtMost() throws Exception {
        try (RawServer server = new RawServer((connection, request) -> false);
                Transport.Exchange exchange = send(server, "/", "x")) {
            assertThatThrownBy(() -> exchange.status(LONG)).isInstanceOf(IOException.class);
            assertThat(server.requests.size()).isBetween(1, 2);
        }
    }

    @Test
    void bodyThatBreaksOff_isAFailureAfterItsBytes() throws Exception {
        for (String head : new String[] {CHUNKED, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"}) {
            // The JDK's client fails before the headers are told if the end comes together with them.
            CountDownLatch headersRead = new CountDownLatch(1);
            try (RawServer server = new RawServer((connection, request) -> {
                        connection.write(head);
                        headersRead.await();
                        connection.write(head.equals(CHUNKED) ? "64\r\nabc" : "abc");
                        return false;
                    });
                    Transport.Exchange exchange = send(server, "/", "x")) {
                exchange.status(LONG);
                headersRead.countDown();
                ByteArrayOutputStream bytes = new ByteArrayOutputStream();
                assertThatThrownBy(() -> copy(exchange, bytes))
                        .isInstanceOf(IOException.class)
                        .hasMessage("the connection broke before the end of the answer");
                assertThat(bytes.toString(StandardCharsets.UTF_8)).isEqualTo("abc");
            }
        }
    }

    @Test
    void slowReader_stopsTheServer() throws Exception {
        CountDownLatch read = new CountDownLatch(1);
        AtomicReference<Integer> written = new AtomicReference<>(0);
        String piece = "x".repeat(64 * 1024);
        try (RawServer server = new RawServer((connection, request) -> {
                    connection.write(CHUNKED);
                    for (int i = 0; i < 2000; i++) {
                        connection.chunk(piece);
                        written.set(i);
                    }
                    connection.write("0\r\n\r\n");
                    return false;
                });
                Transport.Exchange exchange = send(server, "/", "x")) {
            exchange.status(LONG);
            int before;
            do {
                before = written.get();
                Thread.sleep(200);
            } while (before != written.get());
            assertThat(before)
                    .as("pieces of 64 KiB that an unread answer takes")
                    .isLessThan(500);
            read.countDown();
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            copy(exchange, bytes);
            assertThat(bytes.size()).isEqualTo(2000 * piece.length());
        }
    }

    @Test
    void noServer_isRefused() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        assertThatThrownBy(() -> statusOf(URI.create("http://127.0.0.1:" + port + "/")))
                .isInstanceOf(ConnectException.class)
                .hasMessageContaining("Connection refused");
    }

    @Test
    void unknownHost_isNamed() {
        assertThatThrownBy(() -> statusOf(URI.create("http://no-such-host.invalid/")))
                .isInstanceOf(UnknownHostException.class)
                .hasMessageContaining("no-such-host.invalid");
    }

    @Test
    void unixSocket_servesWhateverTheHost(@TempDir Path folder) throws Exception {
        assumeTrue(plain, "the JDK's client has no unix sockets");
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(folder.resolve("vllm.sock"));
        try (ServerSocketChannel listening = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            listening.bind(address);
            Thread server = new Thread(() -> {
                try (SocketChannel client = listening.accept()) {
                    client.read(ByteBuffer.allocate(4096));
                    client.write(StandardCharsets.UTF_8.encode(SHORT));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            server.start();
            try (Transport unix = HttpTransport.builder()
                            .unixSocket(address.getPath())
                            .build();
                    Transport.Exchange exchange = unix.send(
                            new Transport.Request("GET", URI.create("http://vllm/health"), Map.of(), new byte[0]))) {
                assertThat(exchange.status(LONG)).isEqualTo(200);
                assertThat(text(exchange)).isEqualTo("ok");
            }
            server.join();
        }
    }

    private void statusOf(URI uri) throws IOException {
        try (Transport.Exchange exchange = transport.send(new Transport.Request("GET", uri, Map.of(), new byte[0]))) {
            exchange.status(LONG);
        }
    }

    private Transport.Exchange send(RawServer server, String path, String body) throws IOException {
        return transport.send(new Transport.Request(
                "POST", server.uri(path), Map.of("X-Test", "yes"), body.getBytes(StandardCharsets.UTF_8)));
    }

    private static String text(Transport.Exchange exchange) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        copy(exchange, bytes);
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private static void copy(Transport.Exchange exchange, ByteArrayOutputStream bytes) throws IOException {
        byte[] into = new byte[4096];
        for (int length; (length = exchange.read(into, LONG)) >= 0; ) {
            bytes.write(into, 0, length);
        }
    }

    /** A call on a thread of its own that is expected to fail. */
    private static final class Waiting {
        private interface Call {
            void run() throws Exception;
        }

        private final CompletableFuture<Throwable> failure = new CompletableFuture<>();
        private final Thread thread;
        private volatile boolean stillInterrupted;

        Waiting(Call call) throws InterruptedException {
            thread = new Thread(() -> {
                try {
                    call.run();
                    failure.complete(null);
                } catch (Throwable e) {
                    stillInterrupted = Thread.currentThread().isInterrupted();
                    failure.complete(e);
                }
            });
            thread.setDaemon(true);
            thread.start();
            while (!isWaiting()) {
                Thread.sleep(1);
            }
        }

        /** A thread that waits for a selector is "runnable". */
        private boolean isWaiting() {
            return Arrays.stream(thread.getStackTrace())
                    .anyMatch(each -> each.getMethodName().equals("lockAndDoSelect")
                            || each.getMethodName().equals("parkNanos"));
        }

        Throwable failure() throws Exception {
            return failure.get(5, TimeUnit.SECONDS);
        }
    }
}
