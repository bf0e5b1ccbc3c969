package dev.tempera.vllm;

/** A {@link Transport} over HTTP by the JDK's client. */
public final class HttpTransport implements Transport {
    private HttpTransport() {}

    /** With a connect timeout of 10 s and the JDK's defaults for the rest. */
    public static HttpTransport create() {
        return new HttpTransport();
    }

    @Override
    public Exchange send(Request request) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
