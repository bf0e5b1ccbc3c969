package dev.tempera.app;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code --engine}, {@code --model} and how to run it. */
final class ModelOptions {
    private static final String DJL = "djl:";
    private static final String VLLM = "vllm:";
    private static final String ENGINE_RULE = "--engine must be djl:FOLDER or vllm:http://HOST:PORT";

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    @Option(
            names = "--engine",
            paramLabel = "djl:FOLDER|vllm:URL",
            description = "djl runs the model folder in this process; vllm asks a vLLM server, for instance"
                    + " vllm:http://localhost:8000, or several that serve the same model: vllm:URL,URL.")
    private @Nullable String engine;

    @Option(
            names = "--model",
            paramLabel = "FOLDER",
            description = "A Qwen2 or Qwen2.5 folder in Hugging Face layout, the same as --engine djl:FOLDER."
                    + " Without either: the small sample model, which writes Tang poems.")
    private @Nullable String model;

    @ArgGroup(validate = false, order = 10, heading = "%nA model in this process:%n")
    private DjlOptions djl = new DjlOptions();

    @ArgGroup(validate = false, order = 11, heading = "%nA vLLM server:%n")
    private VllmServerOptions vllm = new VllmServerOptions();

    /** @param variables of the environment, for the API key */
    ModelChoice choice(Map<String, String> variables) {
        if (engine != null && engine.startsWith(VLLM)) {
            requireNone(
                    DjlOptions.NAMES,
                    "djl:FOLDER",
                    "what runs a model in a server is given where the server is started");
            if (model != null) {
                throw new InputException("--model is a folder for --engine djl:FOLDER; a vLLM server has its model:"
                        + " --served-model names one of several");
            }
            return vllm.of(servers(engine), variables);
        }
        requireNone(VllmServerOptions.NAMES, "vllm:URL", "a model in this process has no server");
        if (engine == null) {
            return djl.of(model == null ? null : folder("--model must name a folder", model, model));
        }
        if (model != null) {
            throw new InputException("give either --engine or --model, not both");
        }
        if (engine.startsWith(DJL) && engine.length() > DJL.length()) {
            return djl.of(folder("--engine must be djl:FOLDER", engine, engine.substring(DJL.length())));
        }
        boolean address = engine.startsWith("http:") || engine.startsWith("https:");
        throw new InputException(
                ENGINE_RULE + ", got " + engine + (address ? "; did you mean vllm:" + engine + "?" : ""));
    }

    boolean isSampleModel() {
        return engine == null && model == null;
    }

    private void requireNone(List<String> options, String engine, String reason) {
        List<String> given = options.stream()
                .filter(spec.commandLine().getParseResult()::hasMatchedOption)
                .toList();
        if (!given.isEmpty()) {
            throw new InputException(String.join(", ", given) + (given.size() == 1 ? " belongs" : " belong")
                    + " to --engine " + engine + ": " + reason);
        }
    }

    private static List<URI> servers(String engine) {
        List<URI> servers = new ArrayList<>();
        for (String address : engine.substring(VLLM.length()).split(",", -1)) {
            servers.add(server(engine, address.strip()));
        }
        return servers;
    }

    private static URI server(String engine, String address) {
        try {
            URI uri = new URI(address);
            if (uri.getUserInfo() != null) {
                // Not shown: it is a password.
                throw new InputException("--engine must have no user or password in its address:"
                        + " give a key by VLLM_API_KEY or --api-key");
            }
            boolean http = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
            if (http && uri.getHost() != null && uri.getQuery() == null && uri.getFragment() == null) {
                return uri;
            }
        } catch (URISyntaxException e) {
            // Said below, with what is expected.
        }
        throw new InputException(ENGINE_RULE + ", got " + engine
                + (address.matches("[\\w.-]+(:\\d+)?(/.*)?") ? "; did you mean vllm:http://" + address + "?" : ""));
    }

    private static Path folder(String rule, String typed, String name) {
        if (name.isBlank()) {
            throw new InputException(rule + ", got \"" + typed + "\"");
        }
        try {
            return Path.of(name);
        } catch (InvalidPathException e) {
            throw new InputException(rule + ", got " + typed + " (" + e.getReason() + ")");
        }
    }
}
