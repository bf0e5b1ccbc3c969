package dev.tempera.app;

import dev.tempera.vllm.Capabilities;
import dev.tempera.vllm.Capabilities.ServedModel;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a vLLM server can do, for people: a line by its name. */
final class ServerReport {
    private ServerReport() {}

    static Map<String, String> lines(Capabilities server) {
        Map<String, String> lines = new LinkedHashMap<>();
        lines.put("server", server.server() + ", " + frontend(server));
        lines.put("vLLM", told(server.version()) + (server.fingerprint() == null ? "" : ", " + server.fingerprint()));
        lines.put("models", server.models().stream().map(ServerReport::name).collect(Collectors.joining(", ")));
        lines.put("model in use", server.model());
        lines.put("context", server.contextLength() == null ? told(null) : server.contextLength() + " tokens");
        lines.put("log-probabilities", logprobs(server));
        lines.put("token ids", tokenIds(server));
        lines.put("tokenizer", tokenizer(server));
        lines.put("prefix cache", prefixCache(server));
        return lines;
    }

    private static String frontend(Capabilities server) {
        return switch (server.frontend()) {
            case PYTHON -> "Python front end";
            case PYTHON_OLD -> "Python front end before 0.10.1: it ignores newer fields";
            case RUST -> "Rust front end, which is experimental";
            case UNKNOWN -> "what answers there could not be told: a gateway?";
        };
    }

    private static String name(ServedModel model) {
        return model.parent() == null ? model.id() : model.id() + " (adapter of " + model.parent() + ")";
    }

    private static String logprobs(Capabilities server) {
        Integer most = server.maxLogprobs();
        String stage = server.logprobsStage() == null
                ? "of an unknown stage"
                : server.logprobsStage().name().toLowerCase(Locale.ROOT);
        return stage + ", "
                + (most == null
                        ? "how many was not told"
                        : most < 0 ? "of all tokens" : "of " + most + " tokens at most");
    }

    private static String tokenIds(Capabilities server) {
        return switch (server.tokenRoute()) {
            case NAMED_TOKENS, NUMBERED_TOKENS -> "/inference/v1/generate";
            case NONE ->
                server.returnsTokenIds()
                        ? "/v1/completions; there is no /inference/v1/generate"
                        : "the server returns none: stop strings and the like are applied to its text";
        };
    }

    private static String tokenizer(Capabilities server) {
        String route = server.tokenizes() ? "/tokenize is there" : "there is no /tokenize";
        return server.sameTokenizer() == null
                ? route
                : route
                        + (server.sameTokenizer()
                                ? "; --tokenizer gives the same ids"
                                : "; --tokenizer gives OTHER ids");
    }

    private static String prefixCache(Capabilities server) {
        if (server.prefixCaching() == null) {
            return told(null);
        }
        return (server.prefixCaching() ? "on" : "off")
                + (server.blockSize() == null ? "" : ", in blocks of " + server.blockSize() + " tokens");
    }

    private static String told(@Nullable String value) {
        return value == null ? "the server does not tell" : value;
    }
}
