package dev.tempera.testkit.vllm;

import static dev.tempera.testkit.vllm.Answers.ordered;

import dev.tempera.testkit.ByteTokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One request and its answer. Belongs to one thread. */
final class Exchange {
    private final FakeVllm server;
    private final FakeVllm.Settings settings;
    private final ReceivedRequest request;
    private final HttpConnection connection;
    private final Response response;
    private final Fault fault;

    Exchange(FakeVllm server, ReceivedRequest request, HttpConnection connection, Response response, Fault fault) {
        this.server = server;
        this.settings = server.settings;
        this.request = request;
        this.connection = connection;
        this.response = response;
        this.fault = fault;
    }

    void answer() throws IOException {
        response.checkBeforeStart();
        if (fault.has(Fault.Kind.STALL_BEFORE_HEADERS)) {
            connection.waitForEver();
        }
        if (!fault.slowStart().isZero()) {
            connection.pause(fault.slowStart().toMillis());
        }
        Fault.Answer instead = fault.answer();
        if (instead != null) {
            response.send(instead.status(), instead.headers(), instead.body().getBytes(StandardCharsets.UTF_8));
            return;
        }
        try {
            route();
        } catch (Refusal refusal) {
            if (refusal.isByTheEngine() && Boolean.TRUE.equals(request.field("stream"))) {
                Generation.refuse(response, settings.dialect(), refusal);
            } else {
                send(refusal.status, error(refusal));
            }
        } catch (IOException e) {
            throw e;
        } catch (RuntimeException e) {
            if (response.hasBegun()) {
                throw e;
            }
            send(500, error(new Refusal(500, "InternalServerError", String.valueOf(e.getMessage()), null)));
        }
    }

    private void route() throws IOException {
        String path = request.path();
        boolean guarded = path.startsWith("/v1") || path.startsWith("/inference");
        if (guarded && !isAuthorized()) {
            send(401, ordered("error", "Unauthorized"));
            return;
        }
        boolean post = request.method().equals("POST");
        Call.Route generation = Call.Route.of(path);
        if (generation == Call.Route.GENERATE && settings.generateRoute() == FakeVllm.GenerateRoute.ABSENT) {
            send(404, ordered("detail", "Not Found"));
        } else if (generation != null || path.equals("/tokenize") || path.equals("/detokenize")) {
            if (post) {
                post(generation);
            } else {
                send(405, ordered("detail", "Method Not Allowed"));
            }
        } else {
            get(path);
        }
    }

    private boolean isAuthorized() {
        String given = request.header("authorization");
        return settings.apiKeys().isEmpty()
                || given != null
                        && given.toLowerCase(Locale.ROOT).startsWith("bearer ")
                        && settings.apiKeys().contains(given.substring("bearer ".length()));
    }

    private void get(String path) throws IOException {
        switch (path) {
            case "/health", "/ping" -> response.send(server.isEngineDead() ? 503 : 200, Map.of(), new byte[0]);
            case "/version" -> send(200, ordered("version", settings.dialect().version));
            case "/load" -> send(200, ordered("server_load", server.running() + server.waiting()));
            case "/v1/models" -> send(200, models());
            case "/metrics" ->
                response.send(
                        200,
                        Map.of("content-type", "text/plain; version=0.0.4; charset=utf-8"),
                        metrics().getBytes(StandardCharsets.UTF_8));
            default -> send(404, ordered("detail", "Not Found"));
        }
    }

    private Map<String, Object> models() {
        List<Object> data = new ArrayList<>();
        data.add(ordered(
                "id",
                settings.model(),
                "object",
                "model",
                "created",
                1,
                "owned_by",
                "vllm",
                "root",
                settings.model(),
                "parent",
                null,
                "max_model_len",
                settings.maxModelLength()));
        for (String adapter : settings.adapters()) {
            data.add(ordered(
                    "id",
                    adapter,
                    "object",
                    "model",
                    "created",
                    1,
                    "owned_by",
                    "vllm",
                    "root",
                    adapter,
                    "parent",
                    settings.model(),
                    "max_model_len",
                    null));
        }
        return ordered("object", "list", "data", data);
    }

    private String metrics() {
        String labels = "{engine=\"0\",model_name=\"" + settings.model() + "\"} ";
        return "# HELP vllm:num_requests_running Number of requests in model execution batches.\n"
                + "# TYPE vllm:num_requests_running gauge\n"
                + "vllm:num_requests_running" + labels + (double) server.running() + "\n"
                + "# HELP vllm:num_requests_waiting Number of requests waiting to be processed.\n"
                + "# TYPE vllm:num_requests_waiting gauge\n"
                + "vllm:num_requests_waiting" + labels + (double) server.waiting() + "\n"
                + "# HELP vllm:kv_cache_usage_perc KV-cache usage. 1 means 100 percent usage.\n"
                + "# TYPE vllm:kv_cache_usage_perc gauge\n"
                + "vllm:kv_cache_usage_perc" + labels + Math.min(1.0, server.running() / 100.0) + "\n"
                + "# HELP vllm:generation_tokens_total Number of generation tokens processed.\n"
                + "# TYPE vllm:generation_tokens_total counter\n"
                + "vllm:generation_tokens_total" + labels + (double) server.generatedTokens() + "\n"
                + "# TYPE vllm:cache_config_info gauge\n"
                + "vllm:cache_config_info{block_size=\"16\",cache_dtype=\"auto\",enable_prefix_caching=\"True\","
                + "engine=\"0\"} 1.0\n";
    }

    private void post(Call.@Nullable Route route) throws IOException {
        String type = request.header("content-type");
        if (type == null || !type.toLowerCase(Locale.ROOT).startsWith("application/json")) {
            throw Fields.validation(List.of("  Unsupported Media Type: Only 'application/json' is allowed"), null);
        }
        if (request.body().length == 0) {
            throw Fields.validation(
                    List.of("  {'type': 'missing', 'loc': 'body', 'msg': 'Field required', 'input': None}"), "body");
        }
        if (route == Call.Route.GENERATE && settings.generateRoute() == FakeVllm.GenerateRoute.DISABLED) {
            throw new Refusal(
                    403,
                    "PermissionDeniedError",
                    "Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out to enable them.",
                    null);
        }
        Map<String, Object> json = request.json();
        if (json == null) {
            throw new Refusal(
                    400,
                    settings.dialect() == FakeVllm.Dialect.RUST ? "json_parse_error" : "Bad Request",
                    "1 validation error:\n  {'type': 'json_invalid', 'loc': 'body.1', 'msg': 'JSON decode error',"
                            + " 'input': '<dict of 0 items>', 'ctx': {'error': 'Expecting value'}}",
                    "body.1");
        }
        CallReader reader = new CallReader(settings, server.tokenizer);
        if (route != null) {
            if (server.isEngineDead()) {
                throw new Refusal(
                        500,
                        "InternalServerError",
                        "EngineCore encountered an issue. See stack trace (above) for the root cause.",
                        null);
            }
            new Generation(server, request, connection, response, fault, reader.read(route, json)).run();
        } else if (request.path().equals("/tokenize")) {
            reader.checkModel(json);
            tokenize(json);
        } else {
            reader.checkModel(json);
            detokenize(json);
        }
    }

    private void tokenize(Map<String, Object> json) throws IOException {
        ByteTokenizer tokenizer = server.tokenizer;
        int[] ids;
        if (json.get("prompt") instanceof String prompt) {
            ids = tokenizer.encode(prompt);
        } else if (json.get("messages") != null) {
            ids = tokenizer.encode(ChatText.render(json));
        } else {
            Fields body = new Fields(json);
            body.require("prompt");
            body.require("messages");
            body.check();
            return;
        }
        List<String> strings = null;
        if (Boolean.TRUE.equals(json.get("return_token_strs"))) {
            strings = new ArrayList<>();
            for (int id : ids) {
                strings.add(tokenizer.token(id));
            }
        }
        send(
                200,
                ordered(
                        "count",
                        ids.length,
                        "max_model_len",
                        settings.maxModelLength(),
                        "tokens",
                        ids,
                        "token_strs",
                        strings));
    }

    private void detokenize(Map<String, Object> json) throws IOException {
        Fields body = new Fields(json);
        body.require("tokens");
        List<Integer> tokens = body.integers("tokens");
        for (int i = 0; tokens != null && i < tokens.size(); i++) {
            if (tokens.get(i) < 0) {
                body.error(
                        "greater_than_equal",
                        "tokens." + i,
                        "Input should be greater than or equal to 0",
                        tokens.get(i),
                        ", 'ctx': {'ge': 0}");
            }
        }
        body.check();
        int[] ids = Objects.requireNonNull(tokens).stream()
                .mapToInt(Integer::intValue)
                .toArray();
        for (int id : ids) {
            if (id >= FakeModel.SIZE) {
                throw new Refusal(500, "InternalServerError", "Token id " + id + " is out of vocabulary", null);
            }
        }
        send(200, ordered("prompt", server.tokenizer.decode(ids)));
    }

    private void send(int status, Object json) throws IOException {
        response.send(status, Map.of("content-type", "application/json"), FakeVllm.write(json));
    }

    private Object error(Refusal refusal) {
        return error(settings.dialect(), refusal);
    }

    /** An error in the server's dialect. */
    static Map<String, Object> error(FakeVllm.Dialect dialect, Refusal refusal) {
        return switch (dialect) {
            case PYTHON -> ordered("error", fields(refusal, refusal.type, refusal.status));
            case PYTHON_V0_10 -> {
                Map<String, Object> flat = ordered("object", "error");
                flat.putAll(fields(refusal, refusal.type, refusal.status));
                yield flat;
            }
            case RUST -> {
                String code = switch (refusal.status) {
                    case 404 -> "model_not_found";
                    case 500 -> "server_error";
                    default -> refusal.type.equals("json_parse_error") ? "json_parse_error" : "invalid_request_error";
                };
                String type = refusal.status >= 500 ? "server_error" : "invalid_request_error";
                yield ordered("error", fields(refusal, type, code));
            }
        };
    }

    private static Map<String, Object> fields(Refusal refusal, String type, Object code) {
        return ordered("message", refusal.getMessage(), "type", type, "param", refusal.param, "code", code);
    }
}
