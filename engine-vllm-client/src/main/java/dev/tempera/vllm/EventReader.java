package dev.tempera.vllm;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.tempera.vllm.Event.Candidate;
import dev.tempera.vllm.Event.Choice;
import dev.tempera.vllm.Event.Position;
import dev.tempera.vllm.Event.ServerError;
import dev.tempera.vllm.Event.TokenUsage;
import dev.tempera.vllm.Event.ToolCallPart;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads the payloads of a stream, or a whole answer, of {@code /v1/completions}, {@code /v1/chat/completions} and
 * {@code /inference/v1/generate}: a field means the same wherever it stands, so one reader serves all routes, vLLM's Python
 * and Rust front ends, and their older forms. Fields that are null count as absent.
 *
 * <p>One JSON parser lives as long as the stream and reads the payloads one after another: making one costs more than
 * reading an ordinary payload. No tree is built. Not thread-safe: one per stream.
 */
final class EventReader implements AutoCloseable {
    /** What vLLM writes for negative infinity, which JSON cannot express. */
    private static final double NEGATIVE_INFINITY_ON_THE_WIRE = -9999.0;

    private static final String TOKEN_ID = "token_id:";
    private static final byte[] DONE = {'[', 'D', 'O', 'N', 'E', ']'};
    private static final int[] NO_IDS = {};

    // Names are not interned: those of a completion's logprobs are tokens, and a server that sends all of its
    // vocabulary
    // would fill the JVM's table of strings.
    private static final JsonFactory JSON = new JsonFactoryBuilder()
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
            .enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE)
                    .build())
            .build();

    private final Payload payload = new Payload();
    private @Nullable JsonParser parser;
    private @Nullable String lastId;
    private @Nullable String lastModel;
    private int[] ids = new int[8];
    private byte[] bytes = new byte[8];

    /** Whether a payload is the {@code [DONE]} that ends a stream. */
    static boolean isDone(byte[] data, int from, int to) {
        return Arrays.equals(data, from, to, DONE, 0, DONE.length);
    }

    /** @throws VllmException with {@link Reason#PROTOCOL} if that is no JSON of vLLM's */
    Event read(byte[] json, int from, int to) {
        payload.set(json, from, to);
        try {
            if (parser == null) {
                parser = JSON.createParser(payload);
            }
            expect(parser, parser.nextToken(), JsonToken.START_OBJECT);
            Event event = event(parser);
            payload.checkNothingIsLeft(parser);
            return event;
        } catch (IOException e) {
            close();
            String said = e instanceof JsonProcessingException j ? j.getOriginalMessage() : e.getMessage();
            throw new VllmException(
                    Reason.PROTOCOL,
                    "The server sent what is not vLLM's JSON (" + said + "): "
                            + ErrorBody.quote(ErrorBody.text(json, from, to))
                            + ". Is it a vLLM server, or something before one that rewrites answers?",
                    e);
        }
    }

    /** Lets the parser's buffers be used again; another read makes a new parser. */
    @Override
    public void close() {
        if (parser != null) {
            try {
                parser.close();
            } catch (IOException e) {
                throw new AssertionError("the source is an array", e);
            }
            parser = null;
        }
    }

    private Event event(JsonParser in) throws IOException {
        String id = null;
        String model = null;
        String fingerprint = null;
        List<Choice> choices = List.of();
        TokenUsage usage = null;
        int[] promptTokenIds = null;
        List<List<Candidate>> promptLogprobs = null;
        ServerError error = null;
        boolean isError = false; // as older versions say it
        Map<String, Object> others = Map.of();
        for (String name; (name = in.nextFieldName()) != null; ) {
            if (in.nextToken() == JsonToken.VALUE_NULL) {
                continue;
            }
            switch (name) {
                case "choices" -> choices = choices(in);
                case "id", "request_id" -> id = lastId = same(in, lastId);
                case "model" -> model = lastModel = same(in, lastModel);
                case "usage" -> usage = usage(in);
                case "system_fingerprint" -> fingerprint = in.getText();
                case "prompt_token_ids" -> promptTokenIds = ids(in);
                case "prompt_logprobs" -> promptLogprobs = promptLogprobs(in);
                case "error" -> error = error(in);
                case "object" ->
                    isError = in.getTextLength() == 5 && in.getText().equals("error");
                case "created", "output_mode" -> in.skipChildren();
                default -> others = with(others, name, value(in));
            }
        }
        if (isError && error == null) {
            error = error(others);
        }
        return new Event(id, model, fingerprint, choices, usage, promptTokenIds, promptLogprobs, error, others);
    }

    private List<Choice> choices(JsonParser in) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_ARRAY);
        List<Choice> choices = List.of();
        while (in.nextToken() != JsonToken.END_ARRAY) {
            Choice choice = choice(in);
            if (choices.isEmpty()) {
                choices = List.of(choice);
            } else {
                choices = new ArrayList<>(choices);
                choices.add(choice);
            }
        }
        return choices;
    }

    private Choice choice(JsonParser in) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_OBJECT);
        int index = 0;
        String text = "";
        Message message = Message.EMPTY;
        int[] tokenIds = NO_IDS;
        List<Position> logprobs = List.of();
        String finishReason = null;
        Object stopReason = null;
        int[] promptTokenIds = null;
        List<List<Candidate>> promptLogprobs = null;
        Map<String, Object> others = Map.of();
        for (String name; (name = in.nextFieldName()) != null; ) {
            if (in.nextToken() == JsonToken.VALUE_NULL) {
                continue;
            }
            switch (name) {
                case "index" -> index = in.getIntValue();
                case "text" -> text = in.getText();
                case "delta", "message" -> message = message(in);
                case "token_ids" -> tokenIds = ids(in);
                case "logprobs" -> logprobs = logprobs(in);
                case "finish_reason" -> finishReason = in.getText();
                case "stop_reason" -> stopReason = value(in);
                case "prompt_token_ids" -> promptTokenIds = ids(in);
                case "prompt_logprobs" -> promptLogprobs = promptLogprobs(in);
                default -> others = with(others, name, value(in));
            }
        }
        return new Choice(
                index,
                text.isEmpty() ? message.content : text,
                message.reasoning,
                message.toolCalls,
                tokenIds,
                withIds(logprobs, tokenIds),
                finishReason,
                stopReason,
                promptTokenIds,
                promptLogprobs,
                message.others.isEmpty() ? others : with(others, "message", message.others));
    }

    /** Gives drawn tokens that the server named by their text the ids that stand beside. */
    private static List<Position> withIds(List<Position> logprobs, int[] tokenIds) {
        if (logprobs.isEmpty()
                || logprobs.size() != tokenIds.length
                || logprobs.get(0).sampled().tokenId() >= 0) {
            return logprobs;
        }
        List<Position> named = new ArrayList<>(tokenIds.length);
        for (int i = 0; i < tokenIds.length; i++) {
            Position position = logprobs.get(i);
            Candidate c = position.sampled();
            named.add(new Position(
                    new Candidate(tokenIds[i], c.token(), c.bytes(), c.logprob(), c.rank()), position.top()));
        }
        return named;
    }

    /** The delta or message of a chat. */
    private record Message(String content, String reasoning, List<ToolCallPart> toolCalls, Map<String, Object> others) {
        static final Message EMPTY = new Message("", "", List.of(), Map.of());
    }

    private Message message(JsonParser in) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_OBJECT);
        String content = "";
        String reasoning = "";
        List<ToolCallPart> toolCalls = List.of();
        Map<String, Object> others = Map.of();
        for (String name; (name = in.nextFieldName()) != null; ) {
            if (in.nextToken() == JsonToken.VALUE_NULL) {
                continue;
            }
            switch (name) {
                case "content" -> content = in.getText();
                // Some versions send the same under both names.
                case "reasoning", "reasoning_content" -> reasoning = reasoning.isEmpty() ? in.getText() : reasoning;
                case "tool_calls" -> toolCalls = toolCalls(in);
                case "role" -> in.skipChildren();
                default -> others = with(others, name, value(in));
            }
        }
        return new Message(content, reasoning, toolCalls, others);
    }

    private static List<ToolCallPart> toolCalls(JsonParser in) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_ARRAY);
        List<ToolCallPart> calls = new ArrayList<>(1);
        while (in.nextToken() != JsonToken.END_ARRAY) {
            expect(in, in.currentToken(), JsonToken.START_OBJECT);
            int index = calls.size(); // whole answers do not number them
            String id = "";
            ToolCallPart function = new ToolCallPart(0, "", "", "");
            for (String name; (name = in.nextFieldName()) != null; ) {
                if (in.nextToken() == JsonToken.VALUE_NULL) {
                    continue;
                }
                switch (name) {
                    case "index" -> index = in.getIntValue();
                    case "id" -> id = in.getText();
                    case "function" -> function = function(in);
                    default -> in.skipChildren();
                }
            }
            calls.add(new ToolCallPart(index, id, function.name(), function.arguments()));
        }
        return calls;
    }

    private static ToolCallPart function(JsonParser in) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_OBJECT);
        String called = "";
        String arguments = "";
        for (String name; (name = in.nextFieldName()) != null; ) {
            if (in.nextToken() == JsonToken.VALUE_NULL) {
                continue;
            }
            switch (name) {
                case "name" -> called = in.getText();
                case "arguments" -> arguments = in.getText();
                default -> in.skipChildren();
            }
        }
        return new ToolCallPart(0, "", called, arguments);
    }

    /** Either {@code content}, one object per position, or columns: {@code tokens}, {@code token_logprobs}, ... */
    private List<Position> logprobs(JsonParser in) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_OBJECT);
        List<Position> positions = List.of();
        List<Candidate> tokens = List.of();
        List<List<Candidate>> top = List.of();
        double[] logprobs = {};
        for (String name; (name = in.nextFieldName()) != null; ) {
            if (in.nextToken() == JsonToken.VALUE_NULL) {
                continue;
            }
            switch (name) {
                case "content" -> positions = positions(in);
                case "tokens" -> tokens = tokens(in);
                case "token_logprobs" -> logprobs = numbers(in);
                case "top_logprobs" -> top = tops(in);
                default -> in.skipChildren();
            }
        }
        return tokens.isEmpty() ? positions : columns(tokens, logprobs, top);
    }

    private static List<Position> columns(List<Candidate> tokens, double[] logprobs, List<List<Candidate>> top) {
        List<Position> positions = new ArrayList<>(tokens.size());
        for (int i = 0; i < tokens.size(); i++) {
            Candidate token = tokens.get(i);
            double logprob = i < logprobs.length ? logprobs[i] : Double.NaN;
            positions.add(new Position(
                    new Candidate(token.tokenId(), token.token(), null, logprob, 0),
                    i < top.size() ? top.get(i) : List.of()));
        }
        return positions;
    }

    private List<Position> positions(JsonParser in) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_ARRAY);
        List<Position> positions = new ArrayList<>(1);
        while (in.nextToken() != JsonToken.END_ARRAY) {
            List<Candidate> top = new ArrayList<>();
            Candidate sampled = candidate(in, top);
            positions.add(new Position(sampled, top));
        }
        return positions;
    }

    /** @param top takes the {@code top_logprobs} within; null where there can be none */
    private Candidate candidate(JsonParser in, @Nullable List<Candidate> top) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_OBJECT);
        int tokenId = -1;
        String token = null;
        byte[] tokenBytes = null;
        double logprob = Double.NaN;
        int rank = 0;
        for (String name; (name = in.nextFieldName()) != null; ) {
            if (in.nextToken() == JsonToken.VALUE_NULL) {
                continue;
            }
            switch (name) {
                case "token_id" -> tokenId = in.getIntValue();
                case "token" -> {
                    int id = tokenId(in);
                    tokenId = id < 0 ? tokenId : id;
                    token = id < 0 ? in.getText() : null;
                }
                case "decoded_token" -> token = in.getText();
                case "logprob" -> logprob = logprob(in);
                case "rank" -> rank = in.getIntValue();
                case "bytes" -> tokenBytes = bytes(in);
                case "top_logprobs" -> {
                    expect(in, in.currentToken(), JsonToken.START_ARRAY);
                    while (in.nextToken() != JsonToken.END_ARRAY) {
                        Candidate candidate = candidate(in, null);
                        if (top != null) {
                            top.add(candidate);
                        }
                    }
                }
                default -> in.skipChildren();
            }
        }
        return new Candidate(tokenId, token, tokenBytes, logprob, rank);
    }

    private static List<Candidate> tokens(JsonParser in) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_ARRAY);
        List<Candidate> tokens = new ArrayList<>(1);
        while (in.nextToken() != JsonToken.END_ARRAY) {
            int id = tokenId(in);
            tokens.add(new Candidate(id, id < 0 ? in.getText() : null, null, Double.NaN, 0));
        }
        return tokens;
    }

    private static double[] numbers(JsonParser in) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_ARRAY);
        double[] numbers = new double[1];
        int length = 0;
        while (in.nextToken() != JsonToken.END_ARRAY) {
            if (length == numbers.length) {
                numbers = Arrays.copyOf(numbers, 2 * length);
            }
            numbers[length++] = in.currentToken() == JsonToken.VALUE_NULL ? Double.NaN : logprob(in);
        }
        return length == numbers.length ? numbers : Arrays.copyOf(numbers, length);
    }

    /** Maps from a token's text, or {@code token_id:5}, to its log-probability. */
    private static List<List<Candidate>> tops(JsonParser in) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_ARRAY);
        List<List<Candidate>> tops = new ArrayList<>(1);
        while (in.nextToken() != JsonToken.END_ARRAY) {
            List<Candidate> top = new ArrayList<>();
            if (in.currentToken() == JsonToken.START_OBJECT) {
                for (String name; (name = in.nextFieldName()) != null; ) {
                    in.nextToken();
                    int id = tokenId(name);
                    top.add(new Candidate(id, id < 0 ? name : null, null, logprob(in), 0));
                }
            }
            tops.add(top);
        }
        return tops;
    }

    /** One map from id to candidate per token of the prompt; null for the first. */
    private List<List<Candidate>> promptLogprobs(JsonParser in) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_ARRAY);
        List<List<Candidate>> positions = new ArrayList<>();
        while (in.nextToken() != JsonToken.END_ARRAY) {
            List<Candidate> candidates = new ArrayList<>();
            if (in.currentToken() == JsonToken.START_OBJECT) {
                for (String name; (name = in.nextFieldName()) != null; ) {
                    in.nextToken();
                    Candidate c = candidate(in, null);
                    candidates.add(new Candidate(number(name, 0), c.token(), c.bytes(), c.logprob(), c.rank()));
                }
            }
            positions.add(candidates);
        }
        return positions;
    }

    private static TokenUsage usage(JsonParser in) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_OBJECT);
        int prompt = 0;
        int generated = 0;
        int cached = -1;
        for (String name; (name = in.nextFieldName()) != null; ) {
            if (in.nextToken() == JsonToken.VALUE_NULL) {
                continue;
            }
            switch (name) {
                case "prompt_tokens" -> prompt = in.getIntValue();
                case "completion_tokens" -> generated = in.getIntValue();
                case "prompt_tokens_details" -> cached = cachedTokens(in);
                default -> in.skipChildren();
            }
        }
        return new TokenUsage(prompt, generated, cached);
    }

    private static int cachedTokens(JsonParser in) throws IOException {
        Object details = value(in);
        return details instanceof Map<?, ?> map && map.get("cached_tokens") instanceof Number n ? n.intValue() : -1;
    }

    private static ServerError error(JsonParser in) throws IOException {
        Object value = value(in);
        if (value instanceof Map<?, ?> map) {
            return error(map);
        }
        return new ServerError(String.valueOf(value), null, null, null);
    }

    private static ServerError error(Map<?, ?> fields) {
        Object message = fields.get("message");
        Object type = fields.get("type");
        Object param = fields.get("param");
        return new ServerError(
                message == null ? "" : message.toString(),
                type == null ? null : type.toString(),
                param == null ? null : param.toString(),
                fields.get("code"));
    }

    /** The string at hand; the one before it, if it is the same again. */
    private static String same(JsonParser in, @Nullable String before) throws IOException {
        if (before != null && in.getTextLength() == before.length()) {
            char[] text = in.getTextCharacters();
            int offset = in.getTextOffset();
            int i = 0;
            while (i < before.length() && text[offset + i] == before.charAt(i)) {
                i++;
            }
            if (i == before.length()) {
                return before;
            }
        }
        return in.getText();
    }

    private int[] ids(JsonParser in) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_ARRAY);
        int length = 0;
        while (in.nextToken() != JsonToken.END_ARRAY) {
            if (length == ids.length) {
                ids = Arrays.copyOf(ids, 2 * length);
            }
            ids[length++] = in.getIntValue();
        }
        return length == 0 ? NO_IDS : Arrays.copyOf(ids, length);
    }

    private byte[] bytes(JsonParser in) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_ARRAY);
        int length = 0;
        while (in.nextToken() != JsonToken.END_ARRAY) {
            if (length == bytes.length) {
                bytes = Arrays.copyOf(bytes, 2 * length);
            }
            bytes[length++] = (byte) in.getIntValue();
        }
        return Arrays.copyOf(bytes, length);
    }

    private static double logprob(JsonParser in) throws IOException {
        double value = in.getDoubleValue();
        return value == NEGATIVE_INFINITY_ON_THE_WIRE ? Double.NEGATIVE_INFINITY : value;
    }

    /** The 5 of {@code token_id:5}; -1 if the text at hand is another. */
    private static int tokenId(JsonParser in) throws IOException {
        char[] text = in.getTextCharacters();
        int offset = in.getTextOffset();
        int length = in.getTextLength();
        if (length <= TOKEN_ID.length() || text[offset] != 't') {
            return -1;
        }
        return tokenId(new String(text, offset, length));
    }

    private static int tokenId(String text) {
        return text.startsWith(TOKEN_ID) ? number(text, TOKEN_ID.length()) : -1;
    }

    private static int number(String text, int from) {
        int number = from < text.length() ? 0 : -1;
        for (int i = from; i < text.length(); i++) {
            int digit = text.charAt(i) - '0';
            if (digit < 0 || digit > 9 || number > 99_999_999) {
                return -1;
            }
            number = 10 * number + digit;
        }
        return number;
    }

    private static Map<String, Object> with(Map<String, Object> map, String name, @Nullable Object value) {
        if (value == null) {
            return map;
        }
        Map<String, Object> grown = map.isEmpty() ? new LinkedHashMap<>() : map;
        grown.put(name, value);
        return grown;
    }

    /** Any value; fields that are null are left out, elements that are null stay. */
    private static @Nullable Object value(JsonParser in) throws IOException {
        switch (in.currentToken()) {
            case START_OBJECT -> {
                Map<String, Object> map = Map.of();
                for (String name; (name = in.nextFieldName()) != null; ) {
                    in.nextToken();
                    map = with(map, name, value(in));
                }
                return map;
            }
            case START_ARRAY -> {
                List<@Nullable Object> list = new ArrayList<>();
                while (in.nextToken() != JsonToken.END_ARRAY) {
                    list.add(value(in));
                }
                return list;
            }
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> {
                return in.getNumberValue();
            }
            case VALUE_TRUE, VALUE_FALSE -> {
                return in.getBooleanValue();
            }
            case VALUE_NULL -> {
                return null;
            }
            default -> {
                return in.getText();
            }
        }
    }

    private static void expect(JsonParser in, @Nullable JsonToken found, JsonToken expected) throws IOException {
        if (found != expected) {
            String name = in.currentName();
            throw new IOException((name == null ? "the payload" : name) + " is not "
                    + (expected == JsonToken.START_ARRAY ? "an array" : "an object"));
        }
    }

    /** The payloads one after another, as a stream: what a parser that outlives a payload can read from. */
    private static final class Payload extends InputStream {
        private byte[] array = {};
        private int from;
        private int to;

        void set(byte[] json, int start, int end) {
            array = json;
            from = start;
            to = end;
        }

        @Override
        public int read() {
            return from < to ? array[from++] & 0xFF : -1;
        }

        @Override
        public int read(byte[] into, int offset, int length) {
            int part = Math.min(length, to - from);
            if (part == 0) {
                return -1;
            }
            System.arraycopy(array, from, into, offset, part);
            from += part;
            return part;
        }

        void checkNothingIsLeft(JsonParser parser) throws IOException {
            parser.releaseBuffered(BLANK);
            BLANK.write(array, from, to - from);
            array = DONE; // lets the caller's go
            from = to = 0;
        }
    }

    /** Takes white space alone. */
    private static final OutputStream BLANK = new OutputStream() {
        @Override
        public void write(int b) throws IOException {
            if (b != ' ' && b != '\n' && b != '\r' && b != '\t') {
                throw new IOException("there is more after the end");
            }
        }
    };
}
