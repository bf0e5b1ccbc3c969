package dev.tempera.vllm;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Carries requests to a server and bytes back: the one place of the client that knows a network. {@link HttpTransport} is
 * the one for HTTP; implement it for anything else that can take a request and give a status, headers and bytes, a unix
 * socket for instance: nothing here needs TCP.
 *
 * <p>Thread-safe: one transport serves any number of exchanges at a time.
 */
public interface Transport extends AutoCloseable {
    /**
     * Sends a request, without waiting for the answer: {@link Exchange#status} does.
     *
     * @throws IOException if it is known already that there is no connection
     */
    Exchange send(Request request) throws IOException;

    /** Frees what the transport holds. Exchanges under way may break. */
    @Override
    void close();

    /**
     * What is to be sent.
     *
     * @param method such as POST
     * @param uri whole: scheme, authority, path
     * @param headers by name; without Host and Content-Length, which the transport adds
     * @param body empty for none; not copied
     */
    record Request(String method, URI uri, Map<String, String> headers, byte[] body) {
        public Request {
            headers = Map.copyOf(headers);
        }
    }

    /**
     * A request on its way, and its answer. For one thread, save {@link #close}. Every method that waits throws
     * {@link java.nio.channels.ClosedByInterruptException} if the thread is interrupted, which closes the connection.
     */
    interface Exchange extends AutoCloseable {
        /**
         * Waits until status and headers are there.
         *
         * @return the status, whatever it is
         * @throws java.net.http.HttpConnectTimeoutException if no connection came about in the transport's time for it
         * @throws java.net.SocketTimeoutException if there was no answer within the timeout; another try may follow
         * @throws IOException if there is no connection, or if it broke before the headers, or was closed
         */
        int status(Duration timeout) throws IOException;

        /** The first header of that name, in any case; null if there is none, or no answer yet. */
        @Nullable
        String header(String name);

        /**
         * Waits for the next bytes of the body, once the status is there.
         *
         * @param into filled from its start
         * @return how many bytes came, at least 1; -1 at the end of the body
         * @throws java.net.SocketTimeoutException if none came in time; another read may follow
         * @throws IOException if the connection broke before the end of the body, or was closed
         */
        int read(byte[] into, Duration timeout) throws IOException;

        /**
         * Closes the connection at once, so that the server stops generating, and unblocks whoever waits; if the body was
         * read to its end the connection is kept for the next request. From any thread, any number of times.
         */
        @Override
        void close();
    }
}
