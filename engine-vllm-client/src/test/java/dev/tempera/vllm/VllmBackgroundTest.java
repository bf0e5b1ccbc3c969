package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.SamplingParameters;
import dev.tempera.TemperaException;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationChunk;
import dev.tempera.engine.GenerationListener;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.testkit.vllm.FakeVllm;
import dev.tempera.testkit.vllm.Fault;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Generations that no thread of the caller's reads. */
@Timeout(60)
class VllmBackgroundTest {
    private final FakeVllm server = FakeVllm.start();
    private final VllmEngine engine =
            VllmEngine.builder(server.uri()).tokenizer(server.tokenizer()).open();

    @AfterEach
    void close() {
        engine.close();
        server.close();
    }

    private static GenerationRequest request(long seed) {
        return GenerationRequest.of(
                new Prompt.Text("hello"),
                SamplingParameters.builder()
                        .seed(seed)
                        .maxTokens(20)
                        .ignoreEos(true)
                        .build());
    }

    /** Signals as text, and a subscription that the test drives. */
    private static final class Recorder implements Flow.Subscriber<GenerationChunk> {
        private final BlockingQueue<String> signals = new LinkedBlockingQueue<>();
        private Flow.@Nullable Subscription subscription;

        @Override
        public void onSubscribe(Flow.Subscription given) {
            subscription = given;
        }

        @Override
        public void onNext(GenerationChunk chunk) {
            signals.add("chunk " + chunk.text());
        }

        @Override
        public void onError(Throwable failure) {
            signals.add("error " + failure.getMessage());
        }

        @Override
        public void onComplete() {
            signals.add("complete");
        }

        Flow.Subscription subscription() {
            return Objects.requireNonNull(subscription);
        }

        String next() throws InterruptedException {
            return Objects.requireNonNull(signals.poll(30, TimeUnit.SECONDS), "nothing came");
        }
    }

    @Test
    void future_hasTheResult_orTheFailure() {
        assertThat(engine.generateAsync(request(1)).join().text())
                .isEqualTo(engine.generate(request(1)).text());
        server.failNext(Fault.errorAfterTokens(3));
        assertThatThrownBy(() -> engine.generateAsync(request(1)).join())
                .isInstanceOf(CompletionException.class)
                .hasCauseInstanceOf(VllmException.class);
    }

    @Test
    void future_cancelled_stopsTheServer() throws Exception {
        int aborted = server.aborted();
        server.failNext(Fault.stallAfterTokens(2));
        CompletableFuture<Void> reading = new CompletableFuture<>();
        GenerationRequest request = GenerationRequest.builder()
                .prompt(new Prompt.Text("hello"))
                .parameters(request(1).parameters()) // which does not end before it stands still
                .listener(new GenerationListener() {
                    @Override
                    public void token(int tokenId) {
                        reading.complete(null);
                    }
                })
                .build();
        CompletableFuture<GenerationResult> future = engine.generateAsync(request);
        reading.get(30, TimeUnit.SECONDS);
        future.cancel(true);

        server.awaitIdle(Duration.ofSeconds(10));
        assertThat(server.aborted()).isEqualTo(aborted + 1);
        assertThat(future).isCancelled();
    }

    @Test
    void publisher_givesWhatIsAskedFor_andNoMore() throws Exception {
        Recorder recorder = new Recorder();
        engine.publish(request(1)).subscribe(recorder);
        int before = server.requests().size();
        assertThat(recorder.signals).isEmpty();

        StringBuilder text = new StringBuilder();
        recorder.subscription().request(2);
        for (int i = 0; i < 2; i++) {
            text.append(recorder.next().substring("chunk ".length()));
        }
        assertThat(recorder.signals).isEmpty();
        assertThat(server.requests()).hasSize(before + 1);
        recorder.subscription().request(Long.MAX_VALUE);
        recorder.subscription().request(Long.MAX_VALUE);
        for (String signal = recorder.next(); !signal.equals("complete"); signal = recorder.next()) {
            text.append(signal.substring("chunk ".length()));
        }

        assertThat(text).hasToString(engine.generate(request(1)).text());
        assertThat(recorder.signals).isEmpty();
    }

    @Test
    void publisher_tellsTheFailure_afterTheText() throws Exception {
        server.failNext(Fault.errorAfterTokens(2));
        Recorder recorder = new Recorder();
        engine.publish(request(1)).subscribe(recorder);
        recorder.subscription().request(100);
        String last = recorder.next();
        while (last.startsWith("chunk ")) {
            last = recorder.next();
        }
        assertThat(last).startsWith("error ").contains("/inference/v1/generate");
    }

    @Test
    void publisher_refusesARequestForNothing() throws Exception {
        Recorder recorder = new Recorder();
        engine.publish(request(1)).subscribe(recorder);
        recorder.subscription().request(0);

        assertThat(recorder.next()).isEqualTo("error a subscriber must ask for at least 1, got 0");
        recorder.subscription().request(1);
        assertThat(recorder.signals).isEmpty();
    }

    @Test
    void publisher_cancelled_stopsTheServer() throws Exception {
        int aborted = server.aborted();
        server.failNext(Fault.stallAfterTokens(2));
        Recorder recorder = new Recorder();
        engine.publish(request(1)).subscribe(recorder);
        recorder.subscription().request(100);
        recorder.next();
        recorder.subscription().cancel();

        server.awaitIdle(Duration.ofSeconds(10));
        assertThat(server.aborted()).isEqualTo(aborted + 1);
    }

    @Test
    void many_areTheSameAsOneByOne_andNoMoreAtATimeThanAllowed() {
        try (FakeVllm narrow = FakeVllm.builder().maxConcurrent(2).start();
                VllmEngine two = VllmEngine.builder(narrow.uri())
                        .tokenizer(narrow.tokenizer())
                        .concurrency(2)
                        .open()) {
            List<GenerationRequest> requests =
                    IntStream.range(0, 9).mapToObj(VllmBackgroundTest::request).toList();
            List<GenerationResult> together = two.generateAll(requests);

            for (int i = 0; i < 9; i++) {
                assertThat(together.get(i).text())
                        .isEqualTo(engine.generate(requests.get(i)).text());
            }
        }
    }

    @Test
    void many_endWithTheFirstFailure() throws Exception {
        List<GenerationRequest> requests =
                IntStream.range(0, 6).mapToObj(VllmBackgroundTest::request).toList();
        server.failNext(
                Fault.stallAfterTokens(2),
                Fault.stallAfterTokens(2),
                Fault.errorAfterTokens(2),
                Fault.stallAfterTokens(2),
                Fault.stallAfterTokens(2),
                Fault.stallAfterTokens(2));

        assertThatThrownBy(() -> engine.generateAll(requests))
                .isInstanceOfSatisfying(
                        VllmException.class, e -> assertThat(e.reason()).isEqualTo(Reason.GENERATION_FAILED));
        server.awaitIdle(Duration.ofSeconds(10));
    }

    @Test
    void many_interrupted_areAllCancelled() throws Exception {
        server.failNext(Fault.stallAfterTokens(2), Fault.stallAfterTokens(2));
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> engine.generateAll(List.of(request(1), request(2))))
                .isInstanceOf(TemperaException.class)
                .hasMessageContaining("interrupted");
        assertThat(Thread.interrupted()).isTrue();
        server.awaitIdle(Duration.ofSeconds(10));
    }

    @Test
    void closedEngine_takesNothing_andLeavesNoConnection() throws Exception {
        engine.generateAll(
                IntStream.range(0, 8).mapToObj(VllmBackgroundTest::request).toList());
        engine.close();

        assertThatThrownBy(() -> engine.generateAsync(request(1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the engine is closed");
        Recorder recorder = new Recorder();
        engine.publish(request(1)).subscribe(recorder);
        recorder.subscription().request(1);
        assertThat(recorder.next()).startsWith("error");
        server.awaitIdle(Duration.ofSeconds(10));
        assertThat(server.aborted()).isZero();
    }

    @Test
    void executor_ofTheCallers_isUsed() {
        List<Runnable> tasks = new ArrayList<>();
        try (VllmEngine own =
                VllmEngine.builder(server.uri()).executor(tasks::add).open()) {
            CompletableFuture<GenerationResult> future = own.generateAsync(request(1));
            assertThat(future).isNotDone();
            tasks.remove(0).run();
            assertThat(future.join().finishReason()).isEqualTo(FinishReason.LENGTH);
        }
    }
}
