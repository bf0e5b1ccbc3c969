package dev.tempera.testkit.vllm;

import static dev.tempera.testkit.vllm.Answers.ordered;

import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import dev.tempera.testkit.ByteTokenizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Runs a call for text: waits for its turn, generates, streams or answers at once, and goes wrong as it was told. */
final class Generation {
    private static final Map<String, String> EVENT_STREAM = Map.of("content-type", "text/event-stream; charset=utf-8");
    private static final byte[] DONE = "data: [DONE]\n\n".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] KEEP_ALIVE = ": keep-alive\n\n".getBytes(StandardCharsets.US_ASCII);
    private static final int BIG_WRITE = 1 << 16;

    private final FakeVllm server;
    private final FakeVllm.Settings settings;
    private final ReceivedRequest request;
    private final HttpConnection connection;
    private final Response response;
    private final Fault fault;
    private final Call call;
    private final Answers answers;
    private final List<Sequence> sequences = new ArrayList<>();
    private int produced;
    private boolean mayRender;
    private State state = State.ENDED;

    private enum State {
        WAITING,
        RUNNING,
        ENDED
    }

    Generation(
            FakeVllm server,
            ReceivedRequest request,
            HttpConnection connection,
            Response response,
            Fault fault,
            Call call) {
        this.server = server;
        this.settings = server.settings;
        this.request = request;
        this.connection = connection;
        this.response = response;
        this.fault = fault;
        this.call = call;
        Object inBody = request.field("request_id");
        String header = request.header("x-request-id");
        String id = header != null ? header : inBody instanceof String text ? text : "fake-" + request.number();
        answers = new Answers(settings, server.tokenizer, call, call.route().idPrefix + id, 1_800_000_000);
    }

    void run() throws IOException {
        mayRender = settings.prerendered() && call.stream() && fault == Fault.NONE;
        Rendering rendering = mayRender ? server.renderings.get(renderingKey()) : null;
        if (rendering == null) {
            start();
        }
        server.counters.waiting.incrementAndGet();
        state = State.WAITING;
        try {
            if (rendering == null && mayRender) {
                response.record();
            }
            if (call.stream() && rendering == null) {
                // As uvicorn: the head goes out before the request has its turn.
                response.begin(200, EVENT_STREAM);
            }
            while (!server.slots.tryAcquire()) {
                connection.pause(2);
            }
            server.counters.waiting.decrementAndGet();
            server.counters.running.incrementAndGet();
            state = State.RUNNING;
            if (rendering != null) {
                replay(rendering);
            } else if (call.stream()) {
                stream();
            } else {
                whole();
            }
        } catch (HttpConnection.ClientLeft e) {
            if (state != State.ENDED) {
                server.counters.aborted.incrementAndGet();
            }
            throw e;
        } finally {
            ended();
        }
    }

    /** Before the last bytes are sent: who has read them sees that the server has ended. */
    private void finished(int tokens) {
        server.counters.finished.incrementAndGet();
        server.counters.tokens.addAndGet(tokens - produced);
        ended();
    }

    private void ended() {
        if (state == State.RUNNING) {
            server.counters.running.decrementAndGet();
            server.slots.release();
        } else if (state == State.WAITING) {
            server.counters.waiting.decrementAndGet();
        }
        if (state != State.ENDED) {
            state = State.ENDED;
            server.counters.tokens.addAndGet(produced);
            server.counters.ended();
        }
    }

    private String renderingKey() {
        return request.path() + "\n" + request.text();
    }

    private void replay(Rendering rendering) throws IOException {
        List<byte[]> pieces = rendering.pieces();
        boolean paced = !settings.tokenDelay().isZero();
        ByteArrayOutputStream some = new ByteArrayOutputStream();
        for (byte[] piece : pieces.subList(0, pieces.size() - 1)) {
            some.writeBytes(piece);
            if (paced || some.size() >= BIG_WRITE) {
                pause();
                response.write(some.toByteArray());
                some.reset();
            }
        }
        finished(rendering.tokens());
        some.writeBytes(pieces.get(pieces.size() - 1));
        response.write(some.toByteArray());
    }

    private void start() {
        Vocabulary vocabulary = FakeModel.vocabulary(server.tokenizer);
        SamplingParameters parameters = call.parameters();
        Set<Integer> stops = new TreeSet<>(parameters.stopTokenIds());
        if (!Boolean.TRUE.equals(parameters.ignoreEos())) {
            stops.add(ByteTokenizer.END_OF_TURN);
        }
        int[] stopIds = stops.stream().mapToInt(Integer::intValue).toArray();
        Long asked = parameters.seed();
        try {
            SamplingPipeline pipeline = constrained(parameters.toPipeline());
            for (int[] prompt : call.prompts()) {
                long seed = asked != null ? asked : ThreadLocalRandom.current().nextLong(1L << 53);
                for (int i = 0; i < call.n(); i++) {
                    // As vLLM: the choices of one request have seeds in a row.
                    SequenceSampler sampler = pipeline.start(prompt, vocabulary, stopIds, seed + i);
                    sequences.add(new Sequence(
                            sequences.size(), prompt, sampler, parameters, sequenceSettings(stops, prompt.length)));
                }
            }
        } catch (InvalidParametersException e) {
            throw Refusal.badRequest(String.valueOf(e.getMessage()));
        }
    }

    private Sequence.Settings sequenceSettings(Set<Integer> stops, int promptLength) {
        int room = settings.maxModelLength() - promptLength;
        Integer asked = call.maxTokens();
        return new Sequence.Settings(
                settings.script(),
                server.tokenizer,
                stops,
                asked == null ? room : Math.min(room, asked),
                settings.logprobsMode(),
                call.logprobs(),
                call.logprobTokenIds(),
                call.specialTokens());
    }

    /** What must be said is decided before everything else, as the server's grammar is. */
    private SamplingPipeline constrained(SamplingPipeline pipeline) {
        SamplingPipeline.Builder builder = SamplingPipeline.builder();
        FakeVllm.ToolCall toolCall = settings.toolCall();
        List<String> choices = call.toolCall() && toolCall != null ? List.of(toolCall.arguments()) : call.choices();
        if (choices != null) {
            builder.add(Constraint.oneOf(server.tokenizer, choices));
        } else if (call.route() == Call.Route.CHAT && !settings.reasoning().isEmpty()) {
            builder.add(Constraint.beginning(server.tokenizer, settings.reasoning()));
        }
        pipeline.processors().forEach(builder::add);
        return builder.sampler(pipeline.sampler()).build();
    }

    private boolean isUnfinished() {
        return sequences.stream().anyMatch(sequence -> !sequence.isFinished());
    }

    /** @return the error that ends the answer; null if it goes on */
    private @Nullable Refusal failure() {
        if (server.isEngineDead()) {
            return new Refusal(
                    500,
                    "InternalServerError",
                    "EngineCore encountered an issue. See stack trace (above) for the root cause.",
                    null);
        }
        if (produced >= fault.at(Fault.Kind.ERROR_AFTER_TOKENS)) {
            return new Refusal(500, "InternalServerError", "Internal server error", null);
        }
        return null;
    }

    private void step(Sequence sequence) {
        sequence.step();
        produced++;
    }

    private void pause() throws IOException {
        long nanos = settings.tokenDelay().toNanos();
        if (nanos >= 1_000_000) {
            connection.pause(TimeUnit.NANOSECONDS.toMillis(nanos));
        } else if (nanos > 0) {
            LockSupport.parkNanos(nanos);
        }
    }

    private void whole() throws IOException {
        while (isUnfinished()) {
            pause();
            Refusal failure = failure();
            if (failure != null) {
                throw failure;
            }
            if (produced >= fault.at(Fault.Kind.STALL_AFTER_TOKENS)) {
                connection.waitForEver();
            }
            for (Sequence sequence : sequences) {
                if (produced >= fault.at(Fault.Kind.ABORT_AFTER_TOKENS)) {
                    sequence.abort();
                } else if (!sequence.isFinished()) {
                    step(sequence);
                }
            }
        }
        List<Sequence> order = order();
        List<Sequence.Delta> deltas = order.stream().map(Sequence::take).toList();
        Map<String, Object> answer = answers.whole(order, deltas, promptLogprobs(), usage());
        finished(produced);
        response.send(200, Map.of("content-type", "application/json"), FakeVllm.write(answer));
    }

    private List<Sequence> order() {
        List<Sequence> order = new ArrayList<>(sequences);
        if (fault.has(Fault.Kind.REVERSED_CHOICES)) {
            Collections.reverse(order);
        }
        return order;
    }

    private Map<String, Object> usage() {
        int promptTokens =
                call.prompts().stream().mapToInt(prompt -> prompt.length).sum();
        return answers.usage(
                promptTokens, sequences.stream().mapToInt(Sequence::size).sum());
    }

    private List<List<@Nullable TokenLogprobs>> promptLogprobs() {
        List<List<@Nullable TokenLogprobs>> all = new ArrayList<>();
        Integer count = call.promptLogprobs();
        if (count == null) {
            return all;
        }
        for (int[] prompt : call.prompts()) {
            List<@Nullable TokenLogprobs> positions = new ArrayList<>();
            positions.add(null); // nothing comes before the first token
            for (int i = 1; i < prompt.length; i++) {
                float[] values = settings.script().logits(new FakeModel.Prefix(prompt, i));
                positions.add(TokenLogprobs.of(
                        prompt[i],
                        settings.logprobsMode().normalized ? TokenLogprobs.logSoftmax(values) : values,
                        count,
                        List.of()));
            }
            all.add(positions);
        }
        return all;
    }

    private void stream() throws IOException {
        if (produced >= fault.at(Fault.Kind.STALL_AFTER_TOKENS)) {
            connection.waitForEver();
        }
        for (Map<String, Object> chunk : answers.opening(order())) {
            if (fault.has(Fault.Kind.USAGE_ON_EVERY_CHUNK) || call.continuousUsage()) {
                chunk.put("usage", answers.usage(sequences.get(0).prompt.length, 0));
            }
            event(chunk);
        }
        long merge = fault.has(Fault.Kind.MERGE_TOKENS) ? fault.at(Fault.Kind.MERGE_TOKENS) : 1;
        while (isUnfinished()) {
            for (Sequence sequence : order()) {
                if (!sequence.isFinished() && !advance(sequence, merge)) {
                    return;
                }
            }
        }
        if (call.includeUsage() || fault.has(Fault.Kind.DUPLICATE_USAGE)) {
            Map<String, Object> chunk = answers.usageChunk(usage());
            event(chunk);
            if (fault.has(Fault.Kind.DUPLICATE_USAGE)) {
                event(chunk);
            }
        }
        done();
    }

    /** @return whether the stream goes on */
    private boolean advance(Sequence sequence, long tokens) throws IOException {
        for (long i = 0; i < tokens && !sequence.isFinished(); i++) {
            pause();
            Refusal failure = failure();
            if (failure != null) {
                emit(sequence);
                event(inStream(settings.dialect(), failure));
                done();
                return false;
            }
            if (produced >= fault.at(Fault.Kind.STALL_AFTER_TOKENS)) {
                emit(sequence);
                connection.waitForEver();
            }
            if (produced >= fault.at(Fault.Kind.ABORT_AFTER_TOKENS)) {
                sequence.abort();
            } else {
                step(sequence);
            }
        }
        emit(sequence);
        return true;
    }

    private void emit(Sequence sequence) throws IOException {
        Sequence.Delta delta = sequence.take();
        if (delta.tokenIds().isEmpty() && delta.text().isEmpty() && delta.finishReason() == null) {
            return;
        }
        if (fault.has(Fault.Kind.EMPTY_DELTAS)) {
            event(answers.empty(sequence.index));
        }
        Map<String, Object> chunk = answers.delta(sequence, delta, !fault.has(Fault.Kind.NO_FINISH_REASON));
        if (chunk != null) {
            if (fault.has(Fault.Kind.USAGE_ON_EVERY_CHUNK) || call.continuousUsage()) {
                chunk.put("usage", answers.usage(sequence.prompt.length, sequence.size()));
            }
            event(chunk);
        }
    }

    /** A stream that is nothing but an error. */
    static void refuse(Response response, FakeVllm.Dialect dialect, Refusal refusal) throws IOException {
        response.begin(200, EVENT_STREAM);
        response.chunk(bytes(inStream(dialect, refusal)));
        response.chunk(DONE);
        response.end();
    }

    private static Map<String, Object> inStream(FakeVllm.Dialect dialect, Refusal failure) {
        Map<String, Object> error = Exchange.error(dialect, failure);
        return dialect == FakeVllm.Dialect.PYTHON_V0_10 ? ordered("error", error) : error;
    }

    private void event(Map<String, Object> json) throws IOException {
        if (fault.has(Fault.Kind.KEEP_ALIVE_COMMENTS)) {
            response.chunk(KEEP_ALIVE);
        }
        response.chunk(bytes(json));
    }

    private static byte[] bytes(Map<String, Object> json) {
        byte[] payload = FakeVllm.write(json);
        byte[] event = new byte[payload.length + 8];
        System.arraycopy(FakeModel.utf8("data: "), 0, event, 0, 6);
        System.arraycopy(payload, 0, event, 6, payload.length);
        event[event.length - 2] = '\n';
        event[event.length - 1] = '\n';
        return event;
    }

    private void done() throws IOException {
        finished(produced);
        if (!fault.has(Fault.Kind.NO_DONE)) {
            response.chunk(DONE);
        }
        if (mayRender) {
            List<byte[]> pieces = new ArrayList<>(response.recording());
            pieces.add(Response.LAST_CHUNK);
            server.renderings.put(renderingKey(), new Rendering(pieces, produced));
        }
        response.end();
    }
}
