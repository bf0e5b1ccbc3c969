package dev.tempera.vllm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tempera.vllm.VllmException.ContextLength;
import dev.tempera.vllm.VllmException.Details;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Makes exceptions of what a server says went wrong: vLLM's {@code {"error": {...}}} with a number or a string for a code,
 * the flat object of older versions, {@code {"error": "text"}}, FastAPI's {@code {"detail": ...}}, and what gateways send
 * that is no JSON. What decides is the status first, then {@code type} and {@code code}, and the text last: its wording
 * changes between versions.
 */
final class ErrorBody {
    private static final JsonMapper JSON = new JsonMapper();
    private static final int MOST_QUOTED = 400;
    private static final Pattern PARAMETER = Pattern.compile("\\s*\\(parameter=[^,()]+, value=.*\\)$", Pattern.DOTALL);
    private static final Pattern TITLE =
            Pattern.compile("<title[^>]*>(.*?)</title>", Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
    private static final Pattern CONTEXT = Pattern.compile(
            "maximum context length is (\\d+)|maximum model length of (\\d+)|max_model_len=(\\d+)|max_model_len \\((\\d+)\\)");
    private static final Pattern REQUESTED = Pattern.compile(
            "requested (\\d+) output|max_(?:completion_)?tokens=(\\d+)|, (\\d+) in the completion|max_tokens is too large: (\\d+)");
    private static final Pattern PROMPT = Pattern.compile(
            "contains (?:at least )?(\\d+) input tokens|prompt \\(length (\\d+)\\)|\\((\\d+) in the messages|has (\\d+) input tokens");

    private ErrorBody() {}

    /**
     * What was asked, for messages.
     *
     * @param model that the request named; null if none
     * @param servedModels as far as they are known; empty if not
     * @param withKey whether an API key was sent
     */
    record Asked(
            String method,
            URI uri,
            @Nullable String model,
            List<String> servedModels,
            boolean withKey,
            @Nullable String requestId) {}

    /** The words of a body, whatever its shape. */
    private record Said(
            String message, String type, @Nullable String param, String code) {}

    /** Of an answer whose status is not 200. @param retryAfter the header of that name */
    static VllmException of(Asked asked, int status, byte[] body, @Nullable String retryAfter) {
        Said said = said(body);
        Reason reason = reason(status, said);
        String says = said.message.isEmpty() ? "without a word" : quote(said.message);
        return exception(
                asked,
                reason,
                status,
                said,
                asked.method + " " + shown(asked.uri) + " answered " + status + " " + says,
                duration(retryAfter));
    }

    /** Of an error within a stream. */
    static VllmException inStream(Asked asked, Event.ServerError error) {
        Said said = new Said(
                words(error.message()),
                error.type() == null ? "" : error.type(),
                error.param(),
                error.code() == null ? "" : error.code().toString());
        int status = said.code.matches("[45]\\d\\d") ? Integer.parseInt(said.code) : 500;
        Reason reason = reason(status, said);
        String says = said.message.isEmpty() ? "an error without a word" : quote(said.message);
        return exception(
                asked,
                reason,
                200,
                said,
                "The stream of " + asked.method + " " + shown(asked.uri) + " told " + says,
                null);
    }

    private static VllmException exception(
            Asked asked, Reason reason, int status, Said said, String happened, @Nullable Duration retryAfter) {
        ContextLength context = reason == Reason.CONTEXT_TOO_LONG ? contextLength(said.message) : null;
        Details details = new Details(status, said.param, asked.requestId, retryAfter, context);
        String advice = advice(asked, reason, said, retryAfter);
        String stop = happened.endsWith(".\"") ? "" : ".";
        return new VllmException(reason, (happened + stop + " " + advice).strip(), details);
    }

    private static Said said(byte[] body) {
        String text = text(body, 0, body.length).strip();
        JsonNode json;
        try {
            json = JSON.readTree(text);
        } catch (IOException e) {
            return new Said(plain(text), "", null, "");
        }
        JsonNode error = json.path("error");
        if (json.has("detail")) {
            JsonNode detail = json.get("detail");
            return new Said(words(detail.isTextual() ? detail.asText() : detail.toString()), "", null, "");
        }
        if (error.isTextual()) {
            return new Said(words(error.asText()), "", null, "");
        }
        JsonNode fields = error.isObject() ? error : json;
        if (!fields.has("message")) {
            return new Said(plain(text), "", null, "");
        }
        return new Said(
                words(fields.path("message").asText("")),
                fields.path("type").asText(""),
                fields.hasNonNull("param") ? fields.get("param").asText() : null,
                fields.path("code").asText(""));
    }

    /** Of a page its title. */
    private static String plain(String text) {
        Matcher title = TITLE.matcher(text);
        return title.find() ? words(title.group(1)) : words(text);
    }

    private static Reason reason(int status, Said said) {
        String message = said.message;
        boolean engineDead = message.contains("EngineCore encountered an issue") || message.contains("EngineDeadError");
        if (status == 400 || status == 413 || status == 422) {
            return refusal(said);
        }
        if (status == 404) {
            boolean model = "model".equals(said.param)
                    || said.code.equals("model_not_found")
                    || message.contains("does not exist");
            return model ? Reason.MODEL_NOT_FOUND : Reason.NOT_SUPPORTED;
        }
        return switch (status) {
            case 401, 403 -> Reason.UNAUTHORIZED;
            case 405, 501 -> Reason.NOT_SUPPORTED;
            case 408, 502, 503, 504, 520, 521, 522, 523, 524, 529 ->
                engineDead ? Reason.ENGINE_DEAD : Reason.UNAVAILABLE;
            case 429 -> Reason.RATE_LIMITED;
            case 500 -> engineDead ? Reason.ENGINE_DEAD : Reason.GENERATION_FAILED;
            default -> status >= 400 && status < 500 ? Reason.BAD_PARAMETER : Reason.PROTOCOL;
        };
    }

    private static Reason refusal(Said said) {
        String message = said.message;
        // uvicorn loses the body of a request that offers HTTP/2; this client does not offer it, a gateway may.
        if ("body".equals(said.param) && message.contains("Field required")) {
            return Reason.PROTOCOL;
        }
        boolean tooLong = CONTEXT.matcher(message).find()
                || "input_tokens".equals(said.param)
                || "input_text".equals(said.param)
                || said.code.equals("context_length_exceeded");
        return tooLong ? Reason.CONTEXT_TOO_LONG : Reason.BAD_PARAMETER;
    }

    private static String advice(Asked asked, Reason reason, Said said, @Nullable Duration retryAfter) {
        return switch (reason) {
            case BAD_PARAMETER ->
                said.param == null || said.message.contains(said.param) ? "" : "It is about " + said.param + ".";
            case CONTEXT_TOO_LONG -> "Shorten the prompt, or ask for fewer tokens.";
            case MODEL_NOT_FOUND -> {
                String named = asked.model == null ? "The request named no model." : "";
                String served = asked.servedModels.isEmpty()
                        ? "GET /v1/models lists what it serves."
                        : "It serves " + String.join(", ", asked.servedModels) + ".";
                yield (named + " " + served).strip();
            }
            case UNAUTHORIZED ->
                asked.withKey
                        ? "The API key was sent and refused: compare it with the server's --api-key."
                        : "No API key was sent: give the server's one.";
            case RATE_LIMITED, UNAVAILABLE ->
                retryAfter == null ? "Try again later." : "It asks to wait " + retryAfter.toSeconds() + " s.";
            case ENGINE_DEAD -> "vLLM's engine died: the server must be started again; its log has the cause.";
            case GENERATION_FAILED ->
                "The server's log has the cause"
                        + (asked.requestId == null ? "." : ", under request id " + asked.requestId + ".");
            case NOT_SUPPORTED ->
                "Is it a vLLM server of a version that has this, and does the base address end before" + " /v1?";
            case PROTOCOL ->
                said.message.contains("Field required")
                        ? "The body of the request got lost on its way: a proxy that changes to HTTP/2 does that."
                        : "That is no answer of vLLM's: is the address right?";
            default -> "";
        };
    }

    private static @Nullable ContextLength contextLength(String message) {
        int max = number(CONTEXT, message);
        int requested = number(REQUESTED, message);
        int prompt = number(PROMPT, message);
        return max < 0 && requested < 0 && prompt < 0 ? null : new ContextLength(max, requested, prompt);
    }

    private static int number(Pattern pattern, String message) {
        Matcher matcher = pattern.matcher(message);
        if (!matcher.find()) {
            return -1;
        }
        for (int i = 1; i <= matcher.groupCount(); i++) {
            String digits = matcher.group(i);
            if (digits != null) {
                return digits.length() > 9 ? -1 : Integer.parseInt(digits);
            }
        }
        return -1;
    }

    /** Seconds, or a date; null if it is neither, or there is none. */
    private static @Nullable Duration duration(@Nullable String retryAfter) {
        if (retryAfter == null) {
            return null;
        }
        String value = retryAfter.strip();
        if (value.matches("\\d{1,9}")) {
            return Duration.ofSeconds(Long.parseLong(value));
        }
        try {
            ZonedDateTime date = ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME);
            Duration left = Duration.between(ZonedDateTime.now(date.getZone()), date);
            return left.isNegative() ? Duration.ZERO : left;
        } catch (DateTimeParseException e) {
            return null;
        }
    }

    /** Without user, query and fragment: they may hold what a log should not. */
    private static String shown(URI uri) {
        return uri.getScheme() + "://" + Authority.of(uri) + uri.getPath();
    }

    /** On one line, and without the parameter that vLLM repeats at the end. */
    private static String words(String message) {
        return PARAMETER.matcher(message).replaceFirst("").strip().replaceAll("\\s+", " ");
    }

    static String text(byte[] bytes, int from, int to) {
        return new String(bytes, from, to - from, StandardCharsets.UTF_8);
    }

    /** In quotes, on one line, cut where it is long. */
    static String quote(String text) {
        String line = text.strip().replaceAll("\\s+", " ");
        boolean isLong = line.length() > MOST_QUOTED;
        return "\"" + (isLong ? line.substring(0, MOST_QUOTED) + "..." : line) + "\"";
    }
}
