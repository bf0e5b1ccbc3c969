package dev.tempera.vllm;

import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpConnectTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/**
 * A connection to a server. The thread that waits on it is the caller's: a selector of its own gives every wait a timeout
 * and lets {@link #close} and an interrupt end it. For one thread, save {@link #close}.
 */
final class SocketConnection {
    private static final int BUFFER = 16384;

    private final SocketChannel channel;
    private final Selector selector;
    private final SelectionKey key;
    private final byte[] bytes = new byte[BUFFER];
    private final ByteBuffer buffer = ByteBuffer.wrap(bytes);
    private int from;
    private int to;

    /** When it was last put back, in {@link System#nanoTime}. */
    long idleSince;

    private SocketConnection(SocketChannel channel, Selector selector) throws IOException {
        this.channel = channel;
        this.selector = selector;
        this.key = channel.register(selector, 0);
    }

    static SocketConnection open(SocketAddress address, Duration timeout) throws IOException {
        SocketChannel channel = address instanceof UnixDomainSocketAddress unix
                ? SocketChannel.open(java.net.StandardProtocolFamily.UNIX)
                : SocketChannel.open();
        Selector selector = null;
        try {
            channel.configureBlocking(false);
            if (!(address instanceof UnixDomainSocketAddress)) {
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            }
            selector = Selector.open();
            SocketConnection connection = new SocketConnection(channel, selector);
            connection.connect(address, timeout);
            return connection;
        } catch (Throwable e) {
            channel.close();
            if (selector != null) {
                selector.close();
            }
            throw e;
        }
    }

    private void connect(SocketAddress address, Duration timeout) throws IOException {
        if (channel.connect(address)) {
            return;
        }
        long end = System.nanoTime() + timeout.toNanos();
        while (!channel.finishConnect()) {
            if (!await(SelectionKey.OP_CONNECT, end)) {
                throw new HttpConnectTimeoutException(
                        "no connection to " + address + " within " + timeout.toMillis() + " ms");
            }
        }
    }

    /** Whether the server has neither closed it nor said what nobody asked for. */
    boolean isAlive() {
        try {
            buffer.clear();
            return from == to && channel.read(buffer) == 0;
        } catch (IOException e) {
            return false;
        }
    }

    /** Writes what can be written without waiting. */
    void write(ByteBuffer[] request) throws IOException {
        channel.write(request);
    }

    /** Writes all that is left. */
    void write(ByteBuffer[] request, long end) throws IOException {
        while (request[request.length - 1].hasRemaining()) {
            if (channel.write(request) == 0 && !await(SelectionKey.OP_WRITE, end)) {
                throw new SocketTimeoutException("the server did not take the request");
            }
        }
    }

    /**
     * The next byte.
     *
     * @return -1 at the end
     * @throws SocketTimeoutException if none came in time; another try may follow
     */
    int read(long end) throws IOException {
        return from < to || fill(end) ? bytes[from++] & 0xFF : -1;
    }

    /** As {@link #read(long)}, several. */
    int read(byte[] into, int offset, int length, long end) throws IOException {
        if (from == to && !fill(end)) {
            return -1;
        }
        int part = Math.min(length, to - from);
        System.arraycopy(bytes, from, into, offset, part);
        from += part;
        return part;
    }

    /** Whether a byte is there without waiting. */
    boolean hasBytes() {
        return from < to;
    }

    private boolean fill(long end) throws IOException {
        while (true) {
            buffer.clear();
            int read = channel.read(buffer);
            if (read != 0) {
                from = 0;
                to = Math.max(0, read);
                return read > 0;
            }
            if (!await(SelectionKey.OP_READ, end)) {
                throw new SocketTimeoutException();
            }
        }
    }

    /** False if it is too late. */
    private boolean await(int operation, long end) throws IOException {
        long left = end - System.nanoTime();
        if (left <= 0) {
            return false;
        }
        try {
            if (key.interestOps() != operation) {
                key.interestOps(operation);
            }
            selector.select(left / 1_000_000 + 1);
            selector.selectedKeys().clear();
        } catch (CancelledKeyException | ClosedSelectorException e) {
            throw new AsynchronousCloseException();
        }
        if (Thread.currentThread().isInterrupted()) {
            close();
            throw new ClosedByInterruptException();
        }
        return true;
    }

    /** From any thread, any number of times. */
    void close() {
        try {
            channel.close(); // which tells the server, though the descriptor stays until the selector lets go of it
            selector.close();
        } catch (IOException e) {
            // There is nothing to be done about it, and nothing is lost.
        }
    }
}
