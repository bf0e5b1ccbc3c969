package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.SamplingParameters;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationChunk;
import dev.tempera.engine.GenerationListener;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenStream;
import dev.tempera.testkit.vllm.FakeVllm;
import dev.tempera.testkit.vllm.Fault;
import dev.tempera.testkit.vllm.ReceivedRequest;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Many requests against servers whose every answer may go wrong, in ways drawn by a seed: each ends in exactly one of
 * complete with the whole true text, failed for a reason that its faults explain and with a beginning of the true text,
 * or cancelled with one. {@code -Dtempera.chaos=10000} says how many; {@code -Dtempera.chaos.seed} which.
 */
class ChaosTest {
    private static final int REQUESTS = Integer.getInteger("tempera.chaos", 500);
    private static final long SEED = Long.getLong("tempera.chaos.seed", 1);
    private static final int AT_A_TIME = 64;

    /** Made at the first use of one thing or another, and kept. */
    private static final int SOCKETS_OF_THE_JVM = 3;

    private static final Timeouts TIMEOUTS =
            new Timeouts(Duration.ofSeconds(5), Duration.ofSeconds(1), Duration.ofSeconds(1), Duration.ofSeconds(20));
    private static final Retries RETRIES =
            new Retries(2, Duration.ofMillis(1), Duration.ofMillis(5), Duration.ofSeconds(5));

    /** What a busy machine can turn any answer into. */
    private static final Set<Reason> LATE =
            EnumSet.of(Reason.FIRST_TOKEN_TIMEOUT, Reason.IDLE_TIMEOUT, Reason.TOTAL_TIMEOUT);

    /** A way to a server, and a faultless server that says what is true. */
    private static final class Way implements AutoCloseable {
        final boolean withTokenizer;
        final FakeVllm faulty;
        final FakeVllm faultless;
        final VllmEngine engine;
        final VllmEngine truth;
        final Map<String, AtomicInteger> attempts = new ConcurrentHashMap<>();
        final Map<String, List<Fault>> shown = new ConcurrentHashMap<>();
        final Map<String, GenerationResult> expected = new ConcurrentHashMap<>();

        Way(FakeVllm.Dialect dialect, FakeVllm.GenerateRoute route, boolean withTokenizer) {
            this.withTokenizer = withTokenizer;
            faulty = FakeVllm.builder()
                    .dialect(dialect)
                    .generateRoute(route)
                    .faults(this::fault)
                    .start();
            faultless = FakeVllm.builder().dialect(dialect).generateRoute(route).start();
            engine = open(faulty);
            truth = open(faultless);
        }

        private VllmEngine open(FakeVllm server) {
            VllmEngineBuilder builder = VllmEngine.builder(server.uri()).retries(RETRIES);
            return (withTokenizer ? builder.tokenizer(server.tokenizer()) : builder).open();
        }

        /** Of each attempt another, the same in every run. */
        private Fault fault(ReceivedRequest request) {
            String id = request.header("x-request-id");
            if (id == null || !id.startsWith("chaos-") || !request.method().equals("POST")) {
                return Fault.NONE;
            }
            int attempt =
                    attempts.computeIfAbsent(id, key -> new AtomicInteger()).getAndIncrement();
            Fault fault = randomFault(new Random(SEED ^ (id + "/" + attempt).hashCode() * 0x9E3779B97F4A7C15L));
            // Of what goes on after a break, all attempts count.
            String request0 = id.replaceFirst("^(chaos-\\d+).*", "$1");
            shown.computeIfAbsent(request0, key -> new ArrayList<>()).add(fault);
            return fault;
        }

        @Override
        public void close() {
            engine.close();
            truth.close();
            faulty.close();
            faultless.close();
        }
    }

    private static Fault randomFault(Random random) {
        Fault fault = oneFault(random);
        return random.nextInt(3) == 0 ? fault.and(oneFault(random)) : fault;
    }

    private static Fault oneFault(Random random) {
        int tokens = random.nextInt(12);
        long bytes = random.nextInt(4000);
        return switch (random.nextInt(30)) {
            case 0 -> Fault.resetAtByte(0);
            case 1, 2 -> Fault.resetAtByte(bytes);
            case 3, 4 -> Fault.closeAtByte(bytes);
            case 5 -> Fault.stallAtByte(bytes);
            case 6 -> Fault.stallAfterTokens(tokens);
            case 7 -> random.nextBoolean() ? Fault.stallBeforeHeaders() : Fault.closeAtByte(0);
            case 8, 9 -> Fault.splitEvery(1 + random.nextInt(20));
            case 10, 11 -> Fault.mergeTokens(1 + tokens);
            case 12, 13 -> Fault.errorAfterTokens(tokens);
            case 14 -> Fault.abortAfterTokens(tokens);
            case 15 -> Fault.noDone();
            case 16 -> Fault.noFinishReason();
            case 17 -> Fault.emptyDeltas();
            case 18 -> Fault.keepAliveComments();
            case 19 -> Fault.usageOnEveryChunk();
            case 20 -> Fault.duplicateUsage();
            case 21 -> Fault.htmlBadGateway();
            case 22 -> Fault.emptyServerError();
            case 23 -> Fault.unauthorized();
            case 24 -> Fault.scaling();
            case 25 -> Fault.rateLimited(Duration.ZERO);
            case 26 -> Fault.engineDead();
            case 27 -> Fault.slowStart(Duration.ofMillis(1 + random.nextInt(20)));
            default -> Fault.NONE;
        };
    }

    /** The reasons for which an answer with these faults may fail; the names are those that faults print. */
    private static Set<Reason> reasons(List<Fault> faults) {
        Set<Reason> reasons = EnumSet.copyOf(LATE);
        for (Fault fault : faults) {
            String text = fault.toString();
            if (text.contains("reset_at_byte") || text.contains("close_at_byte")) {
                reasons.addAll(Set.of(Reason.CONNECTION, Reason.TRUNCATED));
            }
            if (text.contains("no_done") || text.contains("no_finish_reason")) {
                // Without a token it is a connection that broke before an answer.
                reasons.addAll(Set.of(Reason.CONNECTION, Reason.TRUNCATED));
            }
            if (text.contains("abort_after_tokens")) {
                reasons.add(Reason.TRUNCATED); // the older shape never says an end without a token
            }
            if (text.contains("error_after_tokens")) {
                reasons.add(Reason.GENERATION_FAILED);
            }
            if (text.contains("answer=502") || text.contains("answer=503")) {
                reasons.add(Reason.UNAVAILABLE);
            }
            if (text.contains("answer=500")) {
                reasons.addAll(Set.of(Reason.ENGINE_DEAD, Reason.GENERATION_FAILED));
            }
            if (text.contains("answer=401")) {
                reasons.add(Reason.UNAUTHORIZED);
            }
            if (text.contains("answer=429")) {
                reasons.add(Reason.RATE_LIMITED);
            }
        }
        return reasons;
    }

    /** What a listener was told, at the end. */
    private static final class Ends implements GenerationListener {
        final AtomicInteger count = new AtomicInteger();

        @Override
        public void finished(GenerationResult result, Timings timings) {
            count.incrementAndGet();
        }

        @Override
        public void failed(RuntimeException failure, Timings timings) {
            count.incrementAndGet();
        }
    }

    @Test
    @Timeout(value = 10, unit = TimeUnit.MINUTES)
    void everyRequest_endsInExactlyOneWay_andLeavesNothingBehind() throws Exception {
        long threadsBefore = threads();
        long socketsBefore = sockets();

        SortedMap<String, Integer> ends = ends();

        System.out.println("chaos, seed " + SEED + ", " + REQUESTS + " requests: " + ends);
        assertThat(ends.keySet())
                .contains(
                        "complete",
                        "cancelled",
                        "aborted by the server",
                        "GENERATION_FAILED",
                        "UNAUTHORIZED",
                        "UNAVAILABLE",
                        "FIRST_TOKEN_TIMEOUT",
                        "IDLE_TIMEOUT",
                        "TRUNCATED");
        await("threads", ChaosTest::threads, threadsBefore);
        await("sockets", ChaosTest::sockets, socketsBefore + SOCKETS_OF_THE_JVM);
    }

    /** How many requests ended how. A method of its own, after which clients are garbage. */
    private static SortedMap<String, Integer> ends() throws Exception {
        SortedMap<String, Integer> ends = new TreeMap<>();
        try (Way ids = new Way(FakeVllm.Dialect.PYTHON, FakeVllm.GenerateRoute.TOKEN_IDS, true);
                Way strings = new Way(FakeVllm.Dialect.PYTHON, FakeVllm.GenerateRoute.TOKEN_ID_STRINGS, true);
                Way completions = new Way(FakeVllm.Dialect.PYTHON, FakeVllm.GenerateRoute.DISABLED, true);
                Way text = new Way(FakeVllm.Dialect.PYTHON, FakeVllm.GenerateRoute.TOKEN_IDS, false);
                Way old = new Way(FakeVllm.Dialect.PYTHON_V0_10, FakeVllm.GenerateRoute.ABSENT, false);
                Way rust = new Way(FakeVllm.Dialect.RUST, FakeVllm.GenerateRoute.ABSENT, false)) {
            List<Way> ways = List.of(ids, strings, completions, text, old, rust);
            ExecutorService clients = Executors.newFixedThreadPool(AT_A_TIME);
            try {
                List<Future<String>> running = new ArrayList<>();
                for (int i = 0; i < REQUESTS; i++) {
                    int number = i;
                    Way way = ways.get(i % ways.size());
                    running.add(clients.submit(() -> run(way, number)));
                }
                for (Future<String> one : running) {
                    ends.merge(one.get(2, TimeUnit.MINUTES), 1, Integer::sum);
                }
            } finally {
                clients.shutdownNow();
                clients.awaitTermination(10, TimeUnit.SECONDS);
            }
            for (Way way : ways) {
                way.faulty.awaitIdle(Duration.ofSeconds(20));
                await("connections", way.faulty::connections, AT_A_TIME);
            }
        }
        return ends;
    }

    /** @return how it ended */
    private static String run(Way way, int number) {
        Random random = new Random(SEED * 1_000_003 + number);
        int kind = random.nextInt(60);
        GenerationResult expected =
                way.expected.computeIfAbsent("" + kind, key -> way.truth.generate(request(kind, "truth", new Ends())));
        Ends ends = new Ends();
        GenerationRequest request = request(kind, "chaos-" + number, ends);
        int cancelAfter = random.nextInt(8) == 0 ? random.nextInt(6) : Integer.MAX_VALUE;
        StringBuilder read = new StringBuilder();
        List<Integer> idsRead = new ArrayList<>();
        String end;
        try (TokenStream stream = way.engine.stream(request, TIMEOUTS)) {
            for (int chunks = 0; stream.hasNext(); chunks++) {
                if (chunks == cancelAfter) {
                    stream.cancel();
                    break;
                }
                GenerationChunk chunk = stream.next();
                read.append(chunk.text());
                idsRead.addAll(chunk.tokenIds());
            }
            GenerationResult result = stream.result();
            assertThat(stream.hasNext()).isFalse();
            assertThat(result.text()).isEqualTo(read.toString());
            assertThat(result.tokenIds()).isEqualTo(idsRead);
            end = ended(way, number, result, expected);
        } catch (VllmException e) {
            end = failed(way, number, e, expected);
        } catch (AssertionError | RuntimeException e) {
            throw new AssertionError(story(way, number) + ": " + e.getMessage(), e);
        }
        assertThat(ends.count).as("ends told, %s", story(way, number)).hasValue(1);
        return end;
    }

    private static GenerationRequest request(int kind, String id, GenerationListener listener) {
        SamplingParameters.Builder parameters =
                SamplingParameters.builder().maxTokens(1 + kind % 30).ignoreEos(kind % 2 == 0);
        if (kind % 3 == 0) {
            parameters.temperature(0);
        } else {
            parameters.temperature(1.1).topP(0.95).seed(kind);
        }
        if (kind % 5 == 0) {
            parameters.stop(List.of(kind % 10 == 0 ? "a" : "the end"));
        }
        return GenerationRequest.builder()
                .prompt(new Prompt.Text("Chaos number " + kind))
                .parameters(parameters.build())
                .engineOptions(EngineOptions.builder().requestId(id).build())
                .listener(listener)
                .build();
    }

    private static String ended(Way way, int number, GenerationResult result, GenerationResult expected) {
        FinishReason reason = result.finishReason();
        if (reason.equals(FinishReason.CANCELLED)) {
            assertIsBeginning(result, expected);
            return "cancelled";
        }
        if (reason.equals(FinishReason.ABORT)) {
            assertThat(story(way, number)).contains("abort_after_tokens");
            assertIsBeginning(result, expected);
            return "aborted by the server";
        }
        assertThat(result.text()).isEqualTo(expected.text());
        assertThat(result.tokenIds()).isEqualTo(expected.tokenIds());
        assertThat(reason).isEqualTo(expected.finishReason());
        return "complete";
    }

    private static String failed(Way way, int number, VllmException e, GenerationResult expected) {
        if (!reasons(way.shown.getOrDefault("chaos-" + number, List.of())).contains(e.reason())) {
            throw new AssertionError(story(way, number) + " does not explain " + e.reason(), e);
        }
        GenerationResult partial = e.partialResult();
        if (partial != null) {
            try {
                assertIsBeginning(partial, expected);
            } catch (AssertionError wrong) {
                throw new AssertionError(story(way, number) + ": " + wrong.getMessage(), wrong);
            }
        }
        return e.reason().toString();
    }

    /** A character that was cut shows as U+FFFD. */
    private static void assertIsBeginning(GenerationResult part, GenerationResult whole) {
        String text = part.text().replaceFirst("\uFFFD+$", "");
        assertThat(whole.text()).startsWith(text);
        int most = Math.min(part.tokenIds().size(), whole.tokenIds().size());
        assertThat(part.tokenIds()).isEqualTo(whole.tokenIds().subList(0, most));
    }

    private static String story(Way way, int number) {
        return "request " + number + " of seed " + SEED + " with " + way.shown.get("chaos-" + number);
    }

    /** Those of clients and servers; the JDK's client has workers, too, that end when they were idle for a minute. */
    private static long threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name ->
                        name.contains("SelectorManager") || name.contains("fake-vllm") || name.contains("tempera"))
                .count();
    }

    /** Open sockets of this process; 0 where that cannot be seen. */
    private static long sockets() {
        File[] descriptors = new File("/proc/self/fd").listFiles();
        long count = 0;
        for (File descriptor : descriptors == null ? new File[0] : descriptors) {
            try {
                if (Files.readSymbolicLink(Path.of(descriptor.getPath()))
                        .toString()
                        .startsWith("socket:")) {
                    count++;
                }
            } catch (IOException e) {
                // It has been closed meanwhile.
            }
        }
        return count;
    }

    /** The JDK's client of 17 ends its threads once it is garbage. */
    private static void await(String what, LongSupplier count, long most) throws InterruptedException {
        for (int i = 0; i < 200 && count.getAsLong() > most; i++) {
            System.gc();
            Thread.sleep(50);
        }
        assertThat(count.getAsLong()).as("%s left behind", what).isLessThanOrEqualTo(most);
    }
}
