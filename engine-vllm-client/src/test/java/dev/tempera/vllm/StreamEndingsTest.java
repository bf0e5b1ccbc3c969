package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.tempera.SamplingParameters;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenStream;
import dev.tempera.testkit.vllm.FakeVllm;
import dev.tempera.testkit.vllm.Fault;
import dev.tempera.testkit.vllm.ReceivedRequest;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A stream ends in one of complete, failed with the right reason and the true text so far, or cancelled. */
@Timeout(60)
class StreamEndingsTest {
    private static final Duration SHORT = Duration.ofMillis(150);
    private static final Retries AT_ONCE =
            new Retries(3, Duration.ofMillis(1), Duration.ofMillis(2), Duration.ofSeconds(20));

    private final FakeVllm server = FakeVllm.start();

    @AfterEach
    void close() {
        server.close();
    }

    private VllmEngineBuilder text() {
        return VllmEngine.builder(server.uri()).retries(AT_ONCE);
    }

    private VllmEngineBuilder tokens() {
        return text().tokenizer(server.tokenizer());
    }

    private VllmEngine open(boolean tokenNative) {
        return (tokenNative ? tokens() : text()).resume(false).open();
    }

    private static SamplingParameters.Builder parameters() {
        return SamplingParameters.builder().seed(7).ignoreEos(true).maxTokens(30);
    }

    private static GenerationRequest request(SamplingParameters.Builder parameters) {
        return GenerationRequest.of(new Prompt.Text("hello"), parameters.build());
    }

    private static GenerationRequest request() {
        return request(parameters());
    }

    private @Nullable VllmException failureIfAny(VllmEngine engine, Fault fault) {
        server.failNext(fault);
        return catchThrowableOfType(VllmException.class, () -> engine.generate(request()));
    }

    private VllmException failure(VllmEngine engine, Fault fault) {
        return Objects.requireNonNull(failureIfAny(engine, fault), fault.toString());
    }

    private static String partial(VllmException failure) {
        return Objects.requireNonNull(failure.partialResult(), failure.toString())
                .text();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void odd_butWhole_isTheSameText(boolean tokenNative) {
        try (VllmEngine engine = open(tokenNative)) {
            GenerationResult plain = engine.generate(request());
            for (Fault fault : List.of(
                    Fault.splitEvery(1),
                    Fault.mergeTokens(7),
                    Fault.emptyDeltas(),
                    Fault.keepAliveComments(),
                    Fault.usageOnEveryChunk(),
                    Fault.duplicateUsage(),
                    Fault.splitEvery(3).and(Fault.mergeTokens(3)).and(Fault.usageOnEveryChunk()))) {
                server.failNext(fault);
                GenerationResult result = engine.generate(request());

                assertThat(result.text()).as("%s", fault).isEqualTo(plain.text());
                assertThat(result.tokenIds()).as("%s", fault).isEqualTo(plain.tokenIds());
                assertThat(result.usage()).as("%s", fault).isEqualTo(plain.usage());
                assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void withoutDone_isTruncated_withAllTheText(boolean tokenNative) {
        try (VllmEngine engine = open(tokenNative)) {
            String whole = engine.generate(request()).text();
            VllmException failure = failure(engine, Fault.noDone());

            assertThat(failure.reason()).isEqualTo(Reason.TRUNCATED);
            assertThat(failure).hasMessageContaining("broke off").hasMessageContaining("without [DONE]");
            assertThat(partial(failure)).isEqualTo(whole);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void withoutFinishReason_isTruncated_withAllTheText(boolean tokenNative) {
        try (VllmEngine engine = open(tokenNative)) {
            String whole = engine.generate(request()).text();
            VllmException failure = failure(engine, Fault.noFinishReason());

            assertThat(failure.reason()).isEqualTo(Reason.TRUNCATED);
            assertThat(failure).hasMessageContaining("complete, but not why the text ends");
            assertThat(partial(failure)).isEqualTo(whole);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void errorWithin_isNotTheEndOfTheText(boolean tokenNative) {
        try (VllmEngine engine = open(tokenNative)) {
            GenerationResult whole = engine.generate(request());
            VllmException failure = failure(engine, Fault.errorAfterTokens(12));

            assertThat(failure.reason()).isEqualTo(Reason.GENERATION_FAILED);
            assertThat(failure.requestId()).isNotNull();
            GenerationResult partial = Objects.requireNonNull(failure.partialResult());
            assertThat(partial.tokenIds()).isEqualTo(whole.tokenIds().subList(0, 12));
            assertThat(whole.text()).startsWith(partial.text().replace("\uFFFD", ""));
            assertThat(partial.finishReason()).isEqualTo(FinishReason.ABORT);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void brokenAtAnyByte_isAFailure_withTheTrueTextSoFar(boolean tokenNative) {
        try (VllmEngine engine = (tokenNative ? tokens() : text())
                .retries(Retries.NONE)
                .resume(false)
                .open()) {
            GenerationResult whole = engine.generate(request());
            int truncated = 0;
            for (int position = 350; position < 4000; position += 307) {
                for (Fault fault : List.of(Fault.resetAtByte(position), Fault.closeAtByte(position))) {
                    VllmException failure = failureIfAny(engine, fault);
                    if (failure == null) {
                        continue; // a reset may take along what came before: the request is sent again then
                    }
                    GenerationResult partial = failure.partialResult();

                    assertThat(failure.reason())
                            .as("%s", fault)
                            .isEqualTo(partial == null ? Reason.CONNECTION : Reason.TRUNCATED);
                    if (partial != null) {
                        truncated++;
                        List<Integer> ids = partial.tokenIds();
                        assertThat(whole.tokenIds().subList(0, ids.size())).isEqualTo(ids);
                        assertThat(whole.text()).startsWith(partial.text().replace("\uFFFD", ""));
                    }
                }
            }
            assertThat(truncated).isGreaterThan(8);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void abortOfTheServer_isTheReason(boolean tokenNative) {
        try (VllmEngine engine = open(tokenNative)) {
            server.failNext(Fault.abortAfterTokens(5));
            GenerationResult result = engine.generate(request());

            assertThat(result.finishReason()).isEqualTo(FinishReason.ABORT);
            assertThat(result.tokenIds()).hasSize(5);
        }
    }

    @Test
    void standStill_isATimeoutOfItsOwn_beforeTheFirstTokenAndAfter() {
        Timeouts hasty = Timeouts.DEFAULT.withFirstToken(SHORT).withBetweenTokens(SHORT);
        try (VllmEngine engine = tokens().open()) {
            server.failNext(Fault.stallAfterTokens(3));
            try (TokenStream stream = engine.stream(request(), hasty)) {
                VllmException failure = catchThrowableOfType(VllmException.class, stream::result);
                assertThat(failure.reason()).isEqualTo(Reason.IDLE_TIMEOUT);
                assertThat(failure)
                        .hasMessageContaining("stood still within 150 ms")
                        .hasMessageContaining("timeout between tokens");
                assertThat(Objects.requireNonNull(failure.partialResult()).tokenIds())
                        .hasSize(3);
            }
            for (Fault fault : List.of(Fault.stallBeforeHeaders(), Fault.stallAfterTokens(0))) {
                server.failNext(fault);
                try (TokenStream stream = engine.stream(request(), hasty)) {
                    VllmException failure = catchThrowableOfType(VllmException.class, stream::result);
                    assertThat(failure.reason()).isEqualTo(Reason.FIRST_TOKEN_TIMEOUT);
                    assertThat(failure).hasMessageContaining("gave no token within 150 ms");
                    assertThat(failure.partialResult()).isNull();
                }
            }
            server.failNext(Fault.stallAfterTokens(3));
            try (TokenStream stream = engine.stream(request(), Timeouts.DEFAULT.withTotal(SHORT))) {
                VllmException failure = catchThrowableOfType(VllmException.class, stream::result);
                assertThat(failure.reason()).isEqualTo(Reason.TOTAL_TIMEOUT);
                assertThat(failure).hasMessageContaining("did not end within 150 ms");
            }
        }
    }

    @Test
    void maxTime_endsAStreamThatStandsStill_withTheTextSoFar() {
        try (VllmEngine engine = tokens().open()) {
            server.failNext(Fault.stallAfterTokens(3));
            GenerationResult result = engine.generate(request(parameters().maxTime(0.15)));

            assertThat(result.finishReason()).isEqualTo(FinishReason.DEADLINE);
            assertThat(result.tokenIds()).hasSize(3);
        }
    }

    @Test
    void brokenConnection_goesOnFromTheIdsReceived_whereThatIsExact() {
        // Slow, so that the first tokens are seen before the connection breaks.
        try (FakeVllm slow =
                        FakeVllm.builder().tokenDelay(Duration.ofMillis(10)).start();
                VllmEngine engine = VllmEngine.builder(slow.uri())
                        .retries(AT_ONCE)
                        .tokenizer(slow.tokenizer())
                        .open()) {
            SamplingParameters.Builder greedy =
                    SamplingParameters.builder().temperature(0).ignoreEos(true).maxTokens(30);
            GenerationResult whole = engine.generate(request(greedy));
            slow.failNext(Fault.closeAtByte(1500), Fault.closeAtByte(1200));
            GenerationResult result = engine.generate(request(greedy));

            assertThat(result.text()).isEqualTo(whole.text());
            assertThat(result.tokenIds()).isEqualTo(whole.tokenIds());
            assertThat(result.usage()).isEqualTo(whole.usage());
            assertThat(result.details()).containsEntry("resumed", 2);
            List<ReceivedRequest> sent = slow.requests();
            ReceivedRequest last = sent.get(sent.size() - 1);
            assertThat(last.header("X-Request-Id")).endsWith("-2");
            assertThat((List<?>) last.field("token_ids")).hasSizeGreaterThan(5);
        }
    }

    @Test
    void brokenConnection_withAPenaltyOfOutput_isAFailure_andThePlanSaysSo() {
        try (VllmEngine engine = tokens().open()) {
            GenerationRequest request = request(
                    parameters().seed(3).temperature(0).presencePenalty(0.5).maxTokens(30));
            assertThat(engine.plan(request).toString())
                    .contains("resume (not after a broken connection, which will be a failure; presence_penalty counts"
                            + " output only)");
            server.failNext(Fault.closeAtByte(1500));

            try {
                // If it broke before anything came, it was sent again as a whole.
                assertThat(engine.generate(request).details()).doesNotContainKey("resumed");
            } catch (VllmException e) {
                assertThat(e.reason()).isEqualTo(Reason.TRUNCATED);
            }
            assertThat(engine.plan(request(parameters())).toString()).contains("seed: the server would draw the same");
            assertThat(engine.plan(request(SamplingParameters.builder())).toString())
                    .contains("resume (after a broken connection, from the ids received)");
        }
    }

    @Test
    void failureBeforeTheFirstToken_isTriedAgain_underTheSameId() {
        try (VllmEngine engine = text().open()) {
            int before = server.requests().size();
            server.failNext(Fault.htmlBadGateway(), Fault.scaling());
            GenerationResult result = engine.generate(request());

            assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
            List<ReceivedRequest> attempts = server.requests().subList(before, before + 3);
            assertThat(attempts).extracting(r -> r.header("X-Request-Id")).containsOnly((String)
                    result.details().get("request_id"));
        }
    }

    @Test
    void retryAfter_beyondTheBudget_isNotWaitedFor() {
        try (VllmEngine engine = text().open()) {
            VllmException failure = failure(engine, Fault.rateLimited(Duration.ofSeconds(3000)));

            assertThat(failure.reason()).isEqualTo(Reason.RATE_LIMITED);
            assertThat(failure.retryAfter()).isEqualTo(Duration.ofSeconds(3000));
        }
    }

    @Test
    void attempts_areCounted() {
        try (VllmEngine engine = text().open()) {
            int before = server.requests().size();
            server.failNext(Fault.scaling(), Fault.scaling(), Fault.scaling());

            assertThatThrownBy(() -> engine.generate(request()))
                    .isInstanceOf(VllmException.class)
                    .hasMessageContaining("currently scaling");
            assertThat(server.requests()).hasSize(before + 3);
        }
    }

    @Test
    void refusal_isNotTriedAgain() {
        try (VllmEngine engine = text().open()) {
            int before = server.requests().size();
            VllmException failure = failure(engine, Fault.unauthorized());

            assertThat(failure.reason()).isEqualTo(Reason.UNAUTHORIZED);
            assertThat(server.requests()).hasSize(before + 1);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void cancel_closesTheConnection_andTheServerStops(boolean tokenNative) throws Exception {
        try (VllmEngine engine = open(tokenNative)) {
            int aborted = server.aborted();
            server.failNext(Fault.stallAfterTokens(4));
            CountDownLatch reading = new CountDownLatch(4);
            try (TokenStream stream = engine.stream(request())) {
                Thread canceller = new Thread(() -> {
                    try {
                        reading.await();
                    } catch (InterruptedException e) {
                        return;
                    }
                    stream.cancel();
                });
                canceller.start();
                StringBuilder shown = new StringBuilder();
                while (stream.hasNext()) {
                    var chunk = stream.next();
                    shown.append(chunk.text());
                    chunk.tokenIds().forEach(id -> reading.countDown());
                }
                canceller.join();

                assertThat(stream.result().finishReason()).isEqualTo(FinishReason.CANCELLED);
                assertThat(stream.result().text()).isEqualTo(shown.toString());
                assertThat(stream.result().tokenIds()).hasSize(4);
            }
            server.awaitIdle(Duration.ofSeconds(10));
            assertThat(server.aborted()).isEqualTo(aborted + 1);
        }
    }

    @Test
    void interrupt_cancels_andStaysSet() {
        try (VllmEngine engine = tokens().open()) {
            server.failNext(Fault.stallAfterTokens(2));
            try (TokenStream stream = engine.stream(request())) {
                stream.next();
                stream.next();
                Thread.currentThread().interrupt();
                GenerationResult result = stream.result();

                assertThat(Thread.interrupted()).isTrue();
                assertThat(result.finishReason()).isEqualTo(FinishReason.CANCELLED);
                assertThat(result.tokenIds()).hasSize(2);
            }
        }
    }

    @Test
    void closeOfTheEngine_endsAStreamThatWaits() throws Exception {
        VllmEngine engine = tokens().open();
        server.failNext(Fault.stallAfterTokens(2));
        try (TokenStream stream = engine.stream(request())) {
            stream.next();
            stream.next();
            Thread closer = new Thread(engine::close);
            closer.start();
            GenerationResult result = stream.result();
            closer.join();

            assertThat(result.finishReason()).isEqualTo(FinishReason.ABORT);
            assertThat(result.tokenIds()).hasSize(2);
        }
        server.awaitIdle(Duration.ofSeconds(10));
    }

    @Test
    void stopPattern_isCutHere_andTheServerStops() throws Exception {
        try (VllmEngine engine = text().open()) {
            String whole = engine.generate(request(parameters().maxTokens(200))).text();
            String regex = whole.substring(8, 9) + ".";
            GenerationResult result =
                    engine.generate(request(parameters().maxTokens(200).stopRegex(List.of(regex))));

            assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
            assertThat(whole).startsWith(result.text());
            server.awaitIdle(Duration.ofSeconds(10));
        }
    }
}
