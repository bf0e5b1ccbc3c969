package dev.tempera.vllm;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import javax.net.ssl.SSLException;

/** Says what it means that a connection did not come about or broke before there was an answer. */
final class ConnectionFailure {
    private ConnectionFailure() {}

    static VllmException of(URI server, IOException cause) {
        if (cause instanceof HttpConnectTimeoutException) {
            return new VllmException(
                    Reason.CONNECT_TIMEOUT,
                    "no connection to " + server
                            + " in time: is the address right, and does a firewall let it through?",
                    cause);
        }
        if (cause instanceof ConnectException) {
            return new VllmException(
                    Reason.CONNECTION,
                    "nothing listens at " + server + " (" + cause.getMessage()
                            + "): is the server up, and is the port right?"
                            + " `vllm serve MODEL` starts one on port 8000, which takes a minute or more",
                    cause);
        }
        if (cause instanceof UnknownHostException) {
            return new VllmException(
                    Reason.CONNECTION,
                    "there is no host \"" + server.getHost() + "\", in the address " + server,
                    cause);
        }
        if (cause instanceof SSLException) {
            return ssl(server, (SSLException) cause);
        }
        String hint = "http".equals(server.getScheme()) ? "; if the server speaks TLS, write https:// instead" : "";
        return new VllmException(
                Reason.CONNECTION,
                "the connection to " + server + " broke before an answer came (" + cause.getMessage() + ")" + hint,
                cause);
    }

    private static VllmException ssl(URI server, SSLException cause) {
        String message = String.valueOf(cause.getMessage());
        boolean distrust = message.contains("PKIX") || message.contains("certificate");
        return new VllmException(
                Reason.PROTOCOL,
                "no secure connection to " + server + " (" + message + "): "
                        + (distrust
                                ? "give a transport whose SSLContext trusts the server's certificate"
                                : "a vLLM server speaks plain HTTP unless it was started with --ssl-keyfile: write"
                                        + " http:// then"),
                cause);
    }
}
