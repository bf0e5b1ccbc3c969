package dev.tempera.vllm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Finds out what a server can do with six requests, seven with a tokenizer; two of them generate one token each.
 *
 * <ol>
 *   <li>{@code /v1/models}: whether that is a vLLM server that lets us in, its models and their context
 *   <li>{@code /version}
 *   <li>{@code /v1/completions} with more log-probabilities than any server gives: the refusal names the most, in the
 *       words of its frontend
 *   <li>{@code /v1/completions} with top-k 1: at which stage log-probabilities are taken, whether ids come back,
 *       the fingerprint
 *   <li>{@code /inference/v1/generate}: whether it is there, and its dialect
 *   <li>{@code /metrics}: the prefix cache
 *   <li>{@code /tokenize}: whether the tokenizer is the server's
 * </ol>
 */
final class CapabilityProbe {
    /** Letters, digits, marks, whitespace, code, accents, Chinese, an emoji: where tokenizers differ. */
    static final String TEXT = "Hello, world! It's 3.14\n\tif (x != 10) { naïve = Ω; } 春江潮水连海平 😀  ";

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern MOST_LOGPROBS = Pattern.compile("max allowed: (-?\\d+)");
    private static final Pattern CACHE = Pattern.compile("^vllm:cache_config_info\\{(.*)\\}", Pattern.MULTILINE);
    private static final int TOO_MANY = 100_000_000;

    private final Server server;
    private final Duration timeout;
    private final @Nullable String wantedModel;
    private final @Nullable Tokenizer tokenizer;
    private List<Capabilities.ServedModel> models = List.of();

    /**
     * @param timeout for each request
     * @param wantedModel null for the one that is served
     */
    CapabilityProbe(Server server, Duration timeout, @Nullable String wantedModel, @Nullable Tokenizer tokenizer) {
        this.server = server;
        this.timeout = timeout;
        this.wantedModel = wantedModel;
        this.tokenizer = tokenizer;
    }

    /** @throws VllmException if there is no usable vLLM server, or the tokenizer is another one's */
    Capabilities run() {
        models = models();
        Capabilities.ServedModel model = choose();
        JsonNode version = getOrMissing("/version");
        Refusal refusal = refusal(model.id());
        JsonNode completion = keepOneToken(model.id());
        JsonNode generated = generate(model.id());
        Capabilities.TokenRoute tokenRoute = tokenRoute(generated);
        Tokenized tokenized = tokenize(model.id());
        String cache = cacheConfig();
        JsonNode choice = completion.path("choices").path(0);
        return new Capabilities(
                server.uri(),
                text(version.path("version")),
                text(completion.path("system_fingerprint")),
                refusal.frontend,
                models,
                model.id(),
                contextLength(model, tokenized),
                refusal.maxLogprobs,
                stage(choice.path("logprobs").path("top_logprobs").path(0)),
                tokenRoute,
                choice.path("token_ids").isArray(),
                tokenized.hash,
                tokenized.same,
                flag(cache, "enable_prefix_caching"),
                number(cache, "block_size"));
    }

    private List<Capabilities.ServedModel> models() {
        Server.Answer answer = server.ask("/v1/models", timeout);
        if (!answer.isOk()) {
            throw error("GET", "/v1/models", answer);
        }
        JsonNode list = tree(answer).path("data");
        if (!list.isArray() || list.isEmpty()) {
            throw new VllmException(
                    Reason.PROTOCOL,
                    server.uri("/v1/models") + " answered with " + kind(answer)
                            + ", not with a list of models: is that a vLLM server? " + advice());
        }
        List<Capabilities.ServedModel> found = new ArrayList<>();
        for (JsonNode entry : list) {
            JsonNode length = entry.path("max_model_len");
            found.add(new Capabilities.ServedModel(
                    entry.path("id").asText(), text(entry.path("parent")), length.isInt() ? length.asInt() : null));
        }
        return found;
    }

    private String advice() {
        return "The address is that of the server, such as http://localhost:8000; got " + server.uri();
    }

    private static String kind(Server.Answer answer) {
        return answer.contentType().isEmpty() ? "no content type" : answer.contentType();
    }

    private Capabilities.ServedModel choose() {
        List<Capabilities.ServedModel> bases =
                models.stream().filter(m -> m.parent() == null).toList();
        if (wantedModel == null) {
            if (bases.isEmpty()) {
                return models.get(0);
            }
            // vLLM serves one base model; several names of it have the same root.
            return bases.get(0);
        }
        return models.stream()
                .filter(m -> m.id().equals(wantedModel))
                .findFirst()
                .orElseThrow(() -> new VllmException(
                        Reason.MODEL_NOT_FOUND,
                        server.uri() + " does not serve a model \"" + wantedModel + "\"; it serves "
                                + models.stream().map(m -> "\"" + m.id() + "\"").collect(Collectors.joining(", "))));
    }

    private record Refusal(
            Capabilities.Frontend frontend, @Nullable Integer maxLogprobs) {}

    /** Asks for what no server gives. */
    private Refusal refusal(String model) {
        ObjectNode request = completion(model);
        request.put("logprobs", TOO_MANY);
        Server.Answer answer = post("/v1/completions", request);
        if (answer.isOk()) {
            return new Refusal(Capabilities.Frontend.UNKNOWN, -1);
        }
        requireUp("/v1/completions", answer);
        JsonNode body = treeOrMissing(answer);
        JsonNode error = body.path("error").isObject() ? body.path("error") : body;
        Matcher most = MOST_LOGPROBS.matcher(error.path("message").asText());
        return new Refusal(frontend(body), most.find() ? Integer.valueOf(most.group(1)) : null);
    }

    private static Capabilities.Frontend frontend(JsonNode errorBody) {
        if (errorBody.path("object").asText().equals("error")) {
            return Capabilities.Frontend.PYTHON_OLD;
        }
        JsonNode code = errorBody.path("error").path("code");
        if (code.isTextual() || errorBody.path("error").path("type").asText().equals("invalid_request_error")) {
            return Capabilities.Frontend.RUST;
        }
        return code.isInt() ? Capabilities.Frontend.PYTHON : Capabilities.Frontend.UNKNOWN;
    }

    private JsonNode keepOneToken(String model) {
        ObjectNode request = completion(model);
        request.put("logprobs", 5);
        request.put("top_k", 1);
        request.put("return_token_ids", true);
        request.put("return_tokens_as_token_ids", true);
        Server.Answer answer = post("/v1/completions", request);
        requireUp("/v1/completions", answer);
        return answer.isOk() ? tree(answer) : MissingNode.getInstance();
    }

    /** The prompt is one token, 0, which every vocabulary has. */
    private static ObjectNode completion(String model) {
        ObjectNode request = JSON.createObjectNode();
        request.put("model", model);
        request.putArray("prompt").add(0);
        request.put("max_tokens", 1);
        request.put("temperature", 1);
        return request;
    }

    /**
     * The likeliest token alone was left by top-k. After sampling's stages its log-probability is 0 and all others are
     * masked; before them nothing shows of that. The model's logits show by a positive number, which no log-probability is.
     */
    private static Logprobs.@Nullable Stage stage(JsonNode top) {
        double best = Double.NEGATIVE_INFINITY;
        double second = Double.NEGATIVE_INFINITY;
        for (var candidate : top.properties()) {
            double value = candidate.getValue().asDouble();
            second = Math.max(second, Math.min(best, value));
            best = Math.max(best, value);
        }
        if (best == Double.NEGATIVE_INFINITY) {
            return null;
        }
        boolean masked = second < -1000;
        if (masked) {
            return Math.abs(best) < 1e-4 ? Logprobs.Stage.PROCESSED_LOGPROBS : Logprobs.Stage.PROCESSED_LOGITS;
        }
        return best > 1e-4 ? Logprobs.Stage.RAW_LOGITS : Logprobs.Stage.RAW_LOGPROBS;
    }

    private JsonNode generate(String model) {
        ObjectNode request = JSON.createObjectNode();
        request.put("model", model);
        request.putArray("token_ids").add(0);
        request.putObject("sampling_params")
                .put("max_tokens", 1)
                .put("temperature", 1.0)
                .put("logprobs", 1);
        Server.Answer answer = post(Route.GENERATE.path(), request);
        // Absent: 404 or 405; there but switched off, since 0.32: 403.
        return answer.isOk() ? treeOrMissing(answer) : MissingNode.getInstance();
    }

    private static Capabilities.TokenRoute tokenRoute(JsonNode generated) {
        JsonNode choice = generated.path("choices").path(0);
        if (!choice.path("token_ids").isArray()) {
            return Capabilities.TokenRoute.NONE;
        }
        return choice.path("logprobs").path("content").path(0).has("token_id")
                ? Capabilities.TokenRoute.NUMBERED_TOKENS
                : Capabilities.TokenRoute.NAMED_TOKENS;
    }

    private record Tokenized(
            @Nullable Integer hash,
            @Nullable Boolean same,
            @Nullable Integer contextLength) {
        static final Tokenized NONE = new Tokenized(null, null, null);
    }

    private Tokenized tokenize(String model) {
        ObjectNode request = JSON.createObjectNode();
        request.put("model", model);
        request.put("prompt", TEXT);
        request.put("add_special_tokens", false);
        Server.Answer answer = post("/tokenize", request);
        if (!answer.isOk()) {
            return Tokenized.NONE;
        }
        JsonNode body = treeOrMissing(answer);
        JsonNode tokens = body.path("tokens");
        if (!tokens.isArray()) {
            return Tokenized.NONE;
        }
        JsonNode length = body.path("max_model_len");
        Integer context = length.isInt() ? length.asInt() : null;
        int[] remote = new int[tokens.size()];
        Arrays.setAll(remote, i -> tokens.get(i).asInt());
        int hash = Arrays.hashCode(remote);
        if (tokenizer == null) {
            return new Tokenized(hash, null, context);
        }
        int[] local = tokenizer.encode(TEXT);
        int other = Arrays.mismatch(local, remote);
        if (other >= 0) {
            throw new VllmException(
                    Reason.BAD_PARAMETER,
                    "the tokenizer is not that of the model \"" + model + "\" at " + server.uri()
                            + ": token " + other + " of the text " + JSON.valueToTree(TEXT) + " is " + id(local, other)
                            + " here and " + id(remote, other)
                            + " there; give the tokenizer.json of the served model, or no tokenizer");
        }
        return new Tokenized(hash, true, context);
    }

    private static String id(int[] ids, int place) {
        return place < ids.length ? String.valueOf(ids[place]) : "none";
    }

    private static @Nullable Integer contextLength(Capabilities.ServedModel model, Tokenized tokenized) {
        return model.contextLength() != null ? model.contextLength() : tokenized.contextLength;
    }

    /** The labels of vLLM's metric; empty if there is none. */
    private String cacheConfig() {
        Server.Answer answer = server.ask("/metrics", timeout);
        Matcher info = CACHE.matcher(new String(answer.body(), StandardCharsets.UTF_8));
        return answer.isOk() && info.find() ? info.group(1) : "";
    }

    private static @Nullable String label(String labels, String name) {
        Matcher label = Pattern.compile("(?:^|,)" + name + "=\"([^\"]*)\"").matcher(labels);
        return label.find() ? label.group(1) : null;
    }

    private static @Nullable Boolean flag(String labels, String name) {
        String value = label(labels, name);
        return "True".equals(value) ? Boolean.TRUE : "False".equals(value) ? Boolean.FALSE : null;
    }

    private static @Nullable Integer number(String labels, String name) {
        String value = label(labels, name);
        return value != null && value.matches("\\d{1,9}") ? Integer.valueOf(value) : null;
    }

    private Server.Answer post(String path, JsonNode request) {
        return server.post(path, request.toString().getBytes(StandardCharsets.UTF_8), timeout);
    }

    private JsonNode getOrMissing(String path) {
        Server.Answer answer = server.ask(path, timeout);
        return answer.isOk() ? treeOrMissing(answer) : MissingNode.getInstance();
    }

    /** A refusal is an answer; that nobody may or can answer is not. */
    private void requireUp(String path, Server.Answer answer) {
        int status = answer.status();
        if (status == 401 || status == 403 || status == 429 || status >= 500) {
            throw error("POST", path, answer);
        }
    }

    private VllmException error(String method, String path, Server.Answer answer) {
        List<String> names = models.stream().map(Capabilities.ServedModel::id).toList();
        return ErrorBody.of(
                server.asked(method, path, wantedModel, names, null),
                answer.status(),
                answer.body(),
                answer.retryAfter());
    }

    private JsonNode tree(Server.Answer answer) {
        try {
            return JSON.readTree(answer.body());
        } catch (IOException e) {
            throw new VllmException(
                    Reason.PROTOCOL,
                    server.uri() + " answered with " + kind(answer) + " that is no JSON: is that a vLLM server? "
                            + advice(),
                    e);
        }
    }

    private static JsonNode treeOrMissing(Server.Answer answer) {
        try {
            return JSON.readTree(answer.body());
        } catch (IOException e) {
            return MissingNode.getInstance(); // not what was looked for
        }
    }

    private static @Nullable String text(JsonNode node) {
        return node.isTextual() ? node.asText() : null;
    }
}
