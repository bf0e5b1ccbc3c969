package dev.tempera.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tempera.Acceptance;
import dev.tempera.InvalidLogitsException;
import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.ProcessorSpec;
import dev.tempera.Sampler;
import dev.tempera.SamplingContext;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.TemperaException;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationChunk;
import dev.tempera.engine.GenerationException;
import dev.tempera.engine.GenerationListener;
import dev.tempera.engine.GenerationPlan;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenStream;
import dev.tempera.engine.UnsupportedRequestException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The engine on the tiny random model: its ids are known from transformers, its text is noise. */
@Timeout(60)
class DjlEngineTest {
    private static final SamplingParameters GREEDY =
            SamplingParameters.builder().temperature(0).ignoreEos(true).build();
    private static final List<Integer> GREEDY_IDS = StreamSupport.stream(
                    TinyQwen2.GOLDEN
                            .path("greedy_from_first_7_without_padding_rows")
                            .spliterator(),
                    false)
            .map(id -> id.asInt())
            .toList();

    private static DjlEngine engine;

    @BeforeAll
    static void open() {
        engine = TinyQwen2.engine().dtype(Dtype.FLOAT32).open();
    }

    @AfterAll
    static void close() {
        engine.close();
    }

    private static Prompt prompt(int tokens) {
        return new Prompt.Tokens(IntStream.range(0, tokens)
                .mapToObj(i -> (int) TinyQwen2.prompt(tokens)[i])
                .toList());
    }

    private static GenerationRequest request(SamplingParameters parameters) {
        return GenerationRequest.of(prompt(7), parameters);
    }

    private static SamplingParameters sampled(double temperature, long seed, int maxTokens) {
        return SamplingParameters.builder()
                .temperature(temperature)
                .seed(seed)
                .ignoreEos(true)
                .maxTokens(maxTokens)
                .build();
    }

    // ---- what is generated

    @Test
    void generate_greedy_givesTransformersTokensWithoutPaddingRows() {
        GenerationResult result =
                engine.generate(request(GREEDY.toBuilder().maxTokens(64).build()));
        assertThat(result.tokenIds()).isEqualTo(GREEDY_IDS);
        assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(result.usage().promptTokens()).isEqualTo(7);
        assertThat(result.usage().generatedTokens()).isEqualTo(64);
    }

    @Test
    void generate_promptLongerThanAPrefillChunk_equalsTheDecoderAlone() {
        List<Integer> long600 =
                IntStream.range(0, 600).mapToObj(i -> (i * 37) % 256).toList();
        GenerationResult result = engine.generate(GenerationRequest.of(
                new Prompt.Tokens(long600), GREEDY.toBuilder().maxTokens(1).build()));
        float[] logits = new float[TinyQwen2.VOCABULARY];
        try (Decoder decoder = TinyQwen2.decoder(Dtype.FLOAT32);
                var cache = new KvCache(decoder, 1, 600)) {
            decoder.forward(cache, long600.stream().mapToLong(i -> i).toArray(), 599, logits);
        }
        int best = IntStream.range(0, 290).reduce(0, (a, b) -> logits[b] > logits[a] ? b : a);
        assertThat(result.tokenIds()).containsExactly(best);
    }

    @Test
    void generate_hot_neverDrawsARowThatIsNoToken() {
        GenerationResult result = engine.generate(request(sampled(2, 3, 1000)));
        assertThat(result.tokenIds()).hasSize(1000).allMatch(id -> id < 290);
    }

    @Test
    void generate_sameSeed_givesTheSameTokens() {
        List<Integer> ids = engine.generate(request(sampled(1, 42, 40))).tokenIds();
        assertThat(engine.generate(request(sampled(1, 42, 40))).tokenIds()).isEqualTo(ids);
        assertThat(engine.generate(request(sampled(1, 43, 40))).tokenIds()).isNotEqualTo(ids);
    }

    @Test
    void generate_noSeed_saysWhichItUsedSoThatItCanBeRepeated() {
        var parameters =
                SamplingParameters.builder().ignoreEos(true).maxTokens(30).build();
        GenerationResult first = engine.generate(request(parameters));
        assertThat(first.effectiveParameters().seed()).isNotNull();
        assertThat(engine.generate(request(first.effectiveParameters())).tokenIds())
                .isEqualTo(first.tokenIds());
    }

    @Test
    void generateAll_sweepOverTemperatures_equalsOneByOne() {
        List<GenerationRequest> requests = List.of(
                request(sampled(0.3, 1, 40)),
                request(sampled(1.0, 2, 25)),
                request(sampled(1.5, 3, 1)),
                GenerationRequest.of(prompt(30), sampled(1.0, 2, 25)),
                request(GREEDY.toBuilder().maxTokens(50).build()));
        List<GenerationResult> together = engine.generateAll(requests);
        assertThat(together).hasSize(5);
        for (int i = 0; i < requests.size(); i++) {
            assertThat(together.get(i).tokenIds())
                    .as("request %d", i)
                    .isEqualTo(engine.generate(requests.get(i)).tokenIds());
        }
    }

    @Test
    void generateAll_moreRowsThanABatchHolds_answersAllInOrder() {
        List<GenerationRequest> requests = IntStream.range(0, 40)
                .mapToObj(i -> request(sampled(1, i, 1 + i % 5)))
                .toList();
        List<GenerationResult> results = engine.generateAll(requests);
        for (int i = 0; i < 40; i++) {
            assertThat(results.get(i).tokenIds()).hasSize(1 + i % 5);
            assertThat(results.get(i).effectiveParameters().seed()).isEqualTo(i);
        }
    }

    @Test
    void generate_concurrentCallers_eachGetTheirOwn() {
        List<CompletableFuture<GenerationResult>> running = IntStream.range(0, 12)
                .mapToObj(i -> CompletableFuture.supplyAsync(() -> engine.generate(request(sampled(1, i % 3, 40)))))
                .toList();
        for (int i = 0; i < 12; i++) {
            assertThat(running.get(i).join().tokenIds())
                    .isEqualTo(running.get(i % 3).join().tokenIds());
        }
        assertThat(running.get(0).join().tokenIds())
                .isEqualTo(engine.generate(request(sampled(1, 0, 40))).tokenIds());
    }

    // ---- how it ends

    @Test
    void stream_chunks_concatenateToTheResult() {
        try (TokenStream stream = engine.stream(request(sampled(1, 5, 60)))) {
            var text = new StringBuilder();
            var ids = new ArrayList<Integer>();
            while (stream.hasNext()) {
                GenerationChunk chunk = stream.next();
                text.append(chunk.text());
                ids.addAll(chunk.tokenIds());
            }
            assertThat(stream.result().text()).isEqualTo(text.toString());
            assertThat(stream.result().tokenIds()).isEqualTo(ids).hasSize(60);
        }
    }

    @Test
    void generate_stopTokenId_endsWithItAndWithoutItsText() {
        GenerationResult result = engine.generate(request(
                GREEDY.toBuilder().stopTokenIds(List.of(GREEDY_IDS.get(5))).build()));
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        int first = GREEDY_IDS.indexOf(GREEDY_IDS.get(5));
        assertThat(result.tokenIds()).isEqualTo(GREEDY_IDS.subList(0, first + 1));
    }

    @Test
    void generate_endOfGenerationIds_comeFromGenerationConfig() {
        // A pipeline that wants nothing but <|endoftext|>, the second of the two ids in that file.
        SamplingPipeline always = SamplingPipeline.of((logits, context) -> logits.retainIf((id, logit) -> id == 278));
        GenerationResult result = engine.generate(
                GenerationRequest.builder().prompt(prompt(7)).pipeline(always).build());
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(result.tokenIds()).containsExactly(278);
        assertThat(result.text()).isEmpty();
    }

    @Test
    void generate_noMaxTokens_endsWhenTheContextIsFull() {
        try (DjlEngine small = TinyQwen2.engine().contextLength(20).open()) {
            GenerationResult result = small.generate(request(GREEDY));
            assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
            assertThat(result.tokenIds()).hasSize(13);
        }
    }

    @Test
    void interrupt_ofTheReader_endsTheGenerationAndKeepsTheInterrupt() throws Exception {
        var interrupted = new CompletableFuture<Boolean>();
        var reader = new Thread(() -> {
            Thread.currentThread().interrupt();
            try (TokenStream stream = engine.stream(request(GREEDY))) {
                GenerationResult result = stream.result();
                interrupted.complete(Thread.currentThread().isInterrupted()
                        && result.finishReason().equals(FinishReason.CANCELLED));
            } catch (RuntimeException e) {
                interrupted.completeExceptionally(e);
            }
        });
        reader.start();
        assertThat(interrupted.get(30, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void slowReader_pausesOnlyItsOwnGeneration() {
        try (TokenStream slow = engine.stream(request(sampled(1, 9, 300)))) {
            GenerationResult other = engine.generate(request(sampled(1, 9, 300)));
            assertThat(other.tokenIds()).hasSize(300);
            assertThat(slow.result().tokenIds()).isEqualTo(other.tokenIds());
        }
    }

    @Test
    void manyStreamsThatNobodyReads_doNotHoldUpOthers() {
        List<TokenStream> unread = IntStream.range(0, 20)
                .mapToObj(i -> engine.stream(request(GREEDY)))
                .toList();
        try {
            assertThat(engine.generate(request(sampled(1, 9, 100))).tokenIds()).hasSize(100);
        } finally {
            unread.forEach(TokenStream::close);
        }
    }

    @Test
    void unreadStream_isGivenUpAndKeepsWhatWasQueued() throws Exception {
        var ended = new CompletableFuture<GenerationResult>();
        try (DjlEngine impatient =
                        TinyQwen2.engine().unreadLimit(Duration.ofMillis(50)).open();
                TokenStream stream = impatient.stream(GenerationRequest.builder()
                        .prompt(prompt(7))
                        .parameters(GREEDY)
                        .listener(new GenerationListener() {
                            @Override
                            public void finished(GenerationResult result, Timings timings) {
                                ended.complete(result);
                            }
                        })
                        .build())) {
            assertThat(ended.get(30, TimeUnit.SECONDS).finishReason()).isEqualTo(FinishReason.ABORT);
            assertThat(stream.result().tokenIds()).hasSize(64);
        }
    }

    @Test
    void cancel_whileWaitingForATurn_endsAtOnceAndTellsTheListener() throws Exception {
        List<TokenStream> active = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            active.add(engine.stream(request(GREEDY))); // nobody reads them: none of them ends
        }
        var events = new CopyOnWriteArrayList<String>();
        try (TokenStream waiting = engine.stream(GenerationRequest.builder()
                .prompt(prompt(7))
                .parameters(GREEDY)
                .listener(events(events))
                .build())) {
            waiting.cancel();
            GenerationResult result =
                    CompletableFuture.supplyAsync(waiting::result).get(20, TimeUnit.SECONDS);
            assertThat(result.finishReason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(result.tokenIds()).isEmpty();
            assertThat(events).containsExactly("started", "finished cancelled");
        } finally {
            active.forEach(TokenStream::close);
        }
    }

    private static GenerationListener events(List<String> events) {
        return new GenerationListener() {
            @Override
            public void started(GenerationRequest request, GenerationPlan plan) {
                events.add("started");
            }

            @Override
            public void finished(GenerationResult result, Timings timings) {
                events.add("finished " + result.finishReason());
            }

            @Override
            public void failed(RuntimeException failure, Timings timings) {
                events.add("failed");
            }
        };
    }

    // ---- guidance

    @Test
    void guidance_givesTheTokensOfTransformers_aloneAndTogether() {
        List<GenerationRequest> requests = new ArrayList<>();
        List<List<Integer>> expected = new ArrayList<>();
        for (JsonNode golden : TinyQwen2.GOLDEN.path("guided")) {
            JsonNode negative = golden.path("negative");
            expected.add(ids(golden.path("generated")));
            requests.add(GenerationRequest.builder()
                    .prompt(prompt(7))
                    .negativePrompt(negative.isNull() ? null : new Prompt.Tokens(ids(negative)))
                    .parameters(GREEDY.toBuilder()
                            .maxTokens(48)
                            .processors(List.of(ProcessorSpec.of(
                                    "classifier_free_guidance",
                                    Map.of("scale", golden.path("scale").asDouble()))))
                            .build())
                    .build());
        }
        assertThat(expected).hasSize(4).doesNotHaveDuplicates();

        for (int i = 0; i < requests.size(); i++) {
            assertThat(engine.generate(requests.get(i)).tokenIds()).isEqualTo(expected.get(i));
        }
        List<GenerationRequest> twice = new ArrayList<>(requests);
        twice.addAll(requests); // rows with the same prompts share their steps
        List<GenerationResult> together = engine.generateAll(twice);
        for (int i = 0; i < twice.size(); i++) {
            assertThat(together.get(i).tokenIds()).isEqualTo(expected.get(i % 4));
        }
    }

    private static List<Integer> ids(JsonNode array) {
        List<Integer> ids = new ArrayList<>();
        array.forEach(id -> ids.add(id.asInt()));
        return ids;
    }

    // ---- processors

    @Test
    void plan_everyStage_isLocalAndNothingThatIsSetIsMissing() {
        GenerationPlan plan = engine.plan(request(SamplingParameters.builder()
                .temperature(0.7)
                .topP(0.9)
                .stop(List.of("。"))
                .stopTokenIds(List.of(5))
                .includeStopStrInOutput(true)
                .minTokens(3)
                .maxTokens(9)
                .ignoreEos(true)
                .seed(42)
                .build()));
        assertThat(plan.stages())
                .hasSize(11)
                .allMatch(s -> s.placement() == GenerationPlan.Placement.LOCAL && s.exact());
        assertThat(plan.stages().subList(4, 11))
                .extracting(GenerationPlan.Stage::stage)
                .containsExactly(
                        "min_tokens 3",
                        "max_tokens 9",
                        "stop [。]",
                        "stop_token_ids [5]",
                        "include_stop_str_in_output true",
                        "ignore_eos true",
                        "seed 42");
    }

    @Test
    void stream_engineOptionOfOthers_isRefused() {
        var request = GenerationRequest.builder()
                .prompt(prompt(7))
                .engineOptions(EngineOptions.builder().lora("poet").build())
                .build();
        assertThatThrownBy(() -> engine.stream(request))
                .isInstanceOf(UnsupportedRequestException.class)
                .hasMessageContaining("lora: the local engine has no such option");
    }

    @Test
    void generate_processorThatFails_failsItsOwnGenerationWithWhatWasThere() {
        LogitsProcessor third = (logits, context) -> {
            if (context.history().generatedSize() == 3) {
                throw new IllegalStateException("no fourth token");
            }
        };
        var request = GenerationRequest.builder()
                .prompt(prompt(7))
                .pipeline(SamplingPipeline.builder()
                        .add(third)
                        .sampler(Sampler.GREEDY)
                        .build())
                .parameters(SamplingParameters.NEUTRAL)
                .build();
        assertThatThrownBy(() -> engine.generate(request))
                .isInstanceOfSatisfying(
                        GenerationException.class,
                        e -> assertThat(e.partialResult().tokenIds()).isEqualTo(GREEDY_IDS.subList(0, 3)))
                .hasMessage("model tiny-qwen2, dtype float32: no fourth token");
        assertThat(engine.generate(request(GREEDY.toBuilder().maxTokens(2).build()))
                        .tokenIds())
                .isEqualTo(GREEDY_IDS.subList(0, 2));
    }

    @Test
    void generate_processorThatTakesTokensBack_continuesAsIfTheyHadNotBeen() {
        int banned = GREEDY_IDS.get(4);
        var rewinding = GenerationRequest.builder()
                .prompt(prompt(7))
                .pipeline(SamplingPipeline.builder()
                        .add(new BanOnSight(banned, false))
                        .sampler(Sampler.GREEDY)
                        .build())
                .parameters(SamplingParameters.builder().maxTokens(40).build())
                .build();
        var masking = GenerationRequest.builder()
                .prompt(prompt(7))
                .pipeline(SamplingPipeline.builder()
                        .add((logits, context) -> logits.mask(banned))
                        .sampler(Sampler.GREEDY)
                        .build())
                .parameters(SamplingParameters.builder().maxTokens(40).build())
                .build();
        GenerationResult result = engine.generate(rewinding);
        assertThat(result.tokenIds())
                .isEqualTo(engine.generate(masking).tokenIds())
                .doesNotContain(banned);
    }

    @Test
    void generateAll_equalPrompts_processorsThatTakeTokensBackRunEachForItself() {
        GenerationRequest[] requests = new GenerationRequest[2];
        for (int i = 0; i < 2; i++) {
            requests[i] = GenerationRequest.builder()
                    .prompt(prompt(7))
                    .pipeline(SamplingPipeline.builder()
                            .add(new BanOnSight(GREEDY_IDS.get(4 + i), false))
                            .sampler(Sampler.GREEDY)
                            .build())
                    .parameters(SamplingParameters.builder()
                            .ignoreEos(true)
                            .maxTokens(30)
                            .build())
                    .build();
        }
        List<GenerationResult> together = engine.generateAll(List.of(requests));
        for (int i = 0; i < 2; i++) {
            assertThat(together.get(i).tokenIds())
                    .isEqualTo(engine.generate(requests[i]).tokenIds())
                    .doesNotContain(GREEDY_IDS.get(4 + i));
        }
    }

    /** Lets a token be drawn once, takes it back, and never allows it again. */
    private record BanOnSight(int banned, boolean seen) implements LogitsProcessor {
        @Override
        public LogitsProcessor forSequence(SamplingContext context) {
            boolean[] seenHere = {seen};
            return new LogitsProcessor() {
                @Override
                public void process(Logits logits, SamplingContext current) {
                    if (seenHere[0]) {
                        logits.mask(banned);
                    }
                }

                @Override
                public Acceptance accept(int tokenId, SamplingContext current) {
                    if (tokenId == banned) {
                        seenHere[0] = true;
                        return Acceptance.rewind(1);
                    }
                    return Acceptance.EMIT;
                }

                @Override
                public boolean mayRewind() {
                    return true;
                }
            };
        }

        @Override
        public void process(Logits logits, SamplingContext context) {}
    }

    @Test
    void generate_errorOfAProcessor_endsItsOwnGenerationOnly() {
        LogitsProcessor asserting = (logits, context) -> {
            throw new AssertionError("not so");
        };
        assertThatThrownBy(() -> engine.generate(with(asserting)))
                .isInstanceOf(GenerationException.class)
                .hasCauseInstanceOf(AssertionError.class)
                .hasMessage("model tiny-qwen2, dtype float32: not so");
        LogitsProcessor endless = new LogitsProcessor() {
            @Override
            public void process(Logits logits, SamplingContext context) {
                process(logits, context);
            }
        };
        assertThatThrownBy(() -> engine.generate(with(endless)))
                .isInstanceOf(GenerationException.class)
                .hasMessage("model tiny-qwen2, dtype float32: java.lang.StackOverflowError");
        assertThat(engine.generate(request(sampled(1, 1, 2))).tokenIds()).hasSize(2);
    }

    private static GenerationRequest with(LogitsProcessor processor) {
        return GenerationRequest.builder()
                .prompt(prompt(7))
                .pipeline(SamplingPipeline.of(processor))
                .build();
    }

    @Test
    void errorOfTheJvm_endsTheEngine_andEveryReaderGetsAnAnswer() throws Exception {
        var sick = new CountDownLatch(1);
        LogitsProcessor memoryHog = (logits, context) -> {
            await(sick);
            throw new OutOfMemoryError("no heap left");
        };
        var told = new CopyOnWriteArrayList<String>();
        try (DjlEngine doomed = TinyQwen2.engine().open();
                TokenStream culprit = doomed.stream(with(memoryHog));
                TokenStream first = doomed.stream(GenerationRequest.builder()
                        .prompt(prompt(7))
                        .listener(new GenerationListener() {
                            @Override
                            public void failed(RuntimeException failure, Timings timings) {
                                throw new InternalError("this listener, too");
                            }
                        })
                        .build());
                TokenStream second = doomed.stream(GenerationRequest.builder()
                        .prompt(prompt(7))
                        .listener(events(told))
                        .build())) {
            sick.countDown();
            assertThatThrownBy(
                            () -> CompletableFuture.supplyAsync(culprit::result).get(20, TimeUnit.SECONDS))
                    .hasRootCauseInstanceOf(OutOfMemoryError.class);
            for (TokenStream other : List.of(first, second)) {
                assertThatThrownBy(() ->
                                CompletableFuture.supplyAsync(other::result).get(20, TimeUnit.SECONDS))
                        .hasRootCauseInstanceOf(OutOfMemoryError.class)
                        .hasMessageContaining("the engine stopped after an error: java.lang.OutOfMemoryError: no heap");
            }
            assertThat(told).containsExactly("started", "failed");
            assertThatThrownBy(() -> doomed.stream(request(GREEDY)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("the engine stopped after an error: java.lang.OutOfMemoryError: no heap left");
        }
    }

    @Test
    void listener_isNotToldOfWhatWasNeverStarted() {
        var events = new CopyOnWriteArrayList<String>();
        GenerationRequest good = GenerationRequest.builder()
                .prompt(prompt(7))
                .parameters(GREEDY)
                .listener(events(events))
                .build();
        GenerationRequest bad = GenerationRequest.of(new Prompt.Tokens(List.of(-1)), GREEDY);
        assertThatThrownBy(() -> engine.generateAll(List.of(good, bad))).isInstanceOf(InvalidParametersException.class);
        assertThat(events).isEmpty();
    }

    @Test
    void listener_isToldOfTheStartOnTheEnginesThread() {
        var thread = new CompletableFuture<String>();
        engine.generate(GenerationRequest.builder()
                .prompt(prompt(7))
                .parameters(GREEDY.toBuilder().maxTokens(1).build())
                .listener(new GenerationListener() {
                    @Override
                    public void started(GenerationRequest request, GenerationPlan plan) {
                        thread.complete(Thread.currentThread().getName());
                    }
                })
                .build());
        assertThat(thread.join()).isEqualTo("tempera-decode-tiny-qwen2");
    }

    @Test
    void listener_isToldOfEverything_andMayFail() {
        var events = new ArrayList<String>();
        var request = GenerationRequest.builder()
                .prompt(prompt(7))
                .parameters(GREEDY.toBuilder().maxTokens(2).build())
                .listener(new GenerationListener() {
                    @Override
                    public void started(GenerationRequest started, GenerationPlan plan) {
                        events.add("started " + plan.stages().size());
                    }

                    @Override
                    public void token(int tokenId) {
                        events.add("token " + tokenId);
                        throw new AssertionError("a listener's own trouble");
                    }

                    @Override
                    public void finished(GenerationResult result, Timings timings) {
                        events.add("finished " + result.finishReason());
                    }
                })
                .build();
        engine.generate(request);
        assertThat(events)
                .containsExactly(
                        "started 3", "token " + GREEDY_IDS.get(0), "token " + GREEDY_IDS.get(1), "finished length");
    }

    @Test
    void processor_thatWaitsForItsOwnEngine_failsInsteadOfHanging() {
        LogitsProcessor waiting = (logits, context) ->
                engine.generate(request(GREEDY.toBuilder().maxTokens(1).build()));
        var request = GenerationRequest.builder()
                .prompt(prompt(7))
                .pipeline(SamplingPipeline.of(waiting))
                .build();
        assertThatThrownBy(() -> engine.generate(request))
                .isInstanceOf(GenerationException.class)
                .hasMessageContaining("must not wait for a generation of the same engine");
    }

    // ---- what is refused

    @Test
    void stream_promptThatDoesNotFit_isRefused() {
        assertThatThrownBy(() -> engine.stream(GenerationRequest.of(new Prompt.Tokens(List.of()), GREEDY)))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("the prompt must have at least one token, got none");
        List<Integer> tooLong = IntStream.range(0, 1024).mapToObj(i -> 7).toList();
        assertThatThrownBy(() -> engine.stream(GenerationRequest.of(new Prompt.Tokens(tooLong), GREEDY)))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(
                        "the prompt has 1024 tokens, but the context of model tiny-qwen2 holds 1024 with at least one"
                                + " for the answer; shorten the prompt or open the engine with a longer context");
        for (int id : new int[] {-1, 290, 299, 300, Integer.MAX_VALUE}) {
            assertThatThrownBy(() -> engine.stream(GenerationRequest.of(new Prompt.Tokens(List.of(id)), GREEDY)))
                    .isInstanceOf(InvalidParametersException.class)
                    .hasMessage("the prompt has token id " + id + ", but model tiny-qwen2 has ids 0 to 289");
        }
        assertThatThrownBy(() -> engine.stream(
                        request(GREEDY.toBuilder().stopTokenIds(List.of(295)).build())))
                .hasMessage("stop_token_ids has token id 295, but model tiny-qwen2 has ids 0 to 289");
    }

    @Test
    void close_twice_isFine_andEndsWhatRuns() {
        DjlEngine closed = TinyQwen2.engine().open();
        TokenStream running = closed.stream(request(GREEDY));
        closed.close();
        closed.close();
        assertThat(running.result().finishReason()).isEqualTo(FinishReason.ABORT);
        assertThatThrownBy(() -> closed.stream(request(GREEDY)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the engine is closed");
        assertThatThrownBy(() -> closed.generateAll(List.of(request(GREEDY)))).hasMessage("the engine is closed");
    }

    @Test
    void open_defaultType_isTheStoredOne_andDefaultsAreGivenWhenAskedFor() {
        try (DjlEngine stored = TinyQwen2.engine().open()) {
            assertThat(stored.dtype()).isEqualTo(Dtype.BFLOAT16);
            assertThat(stored.contextLength()).isEqualTo(1024);
            assertThat(stored.model()).isEqualTo("tiny-qwen2");
            assertThat(stored.generationDefaults())
                    .isEqualTo(SamplingParameters.builder()
                            .temperature(0.7)
                            .topP(0.8)
                            .topK(20)
                            .repetitionPenalty(1.05)
                            .build());
        }
    }

    @Test
    void builder_nonsense_isRefused() {
        assertThatThrownBy(() -> TinyQwen2.engine().device("tpu"))
                .hasMessage("device must be cpu, gpu, gpu0, gpu1, ..., got \"tpu\"");
        assertThatThrownBy(() -> TinyQwen2.engine().device("gpu99").open())
                .hasMessageContaining("device must be one that libtorch sees; it sees ");
        assertThatThrownBy(() -> TinyQwen2.engine().contextLength(1025).open())
                .hasMessage("context_length must be at most max_position_embeddings of config.json, 1024, got 1025");
    }

    @Test
    void open_thatFailsAfterTheTokenizerIsLoaded_freesIt(@TempDir Path folder) throws IOException {
        TinyQwen2.copyTo(folder);
        Qwen2Config config = Qwen2Config.read(folder);
        Safetensors checkpoint = Safetensors.open(folder);
        ModelFolder model = ModelFolder.read(folder, config, Dtype.FLOAT32, 64);
        assertThatThrownBy(() -> TinyQwen2.engine(folder).device("gpu99").open(config, checkpoint, model))
                .isInstanceOf(InvalidParametersException.class);
        assertThatThrownBy(() -> model.tokenizer().encode("x")).hasMessage("this tokenizer is closed");
    }

    @Test
    void open_damagedTokenizerOrChatTemplate_isABadModelFolder(@TempDir Path folder) throws IOException {
        TinyQwen2.copyTo(folder);
        Path tokenizer = folder.resolve("tokenizer.json");
        Path template = folder.resolve("tokenizer_config.json");
        Files.writeString(tokenizer, "[");
        assertThatThrownBy(() -> DjlEngine.open(folder))
                .isInstanceOf(ModelFolderException.class)
                .hasMessageStartingWith(tokenizer + " is damaged: ");
        Files.delete(tokenizer);
        assertThatThrownBy(() -> DjlEngine.open(folder))
                .isInstanceOf(ModelFolderException.class)
                .hasMessageStartingWith(tokenizer + " is missing. A model's folder holds config.json, tokenizer.json,");
        Files.writeString(template, "[");
        assertThatThrownBy(() -> DjlEngine.open(folder))
                .isInstanceOf(ModelFolderException.class)
                .hasMessageStartingWith(template + " is damaged: ");
    }

    @Test
    void open_weightsThatVanish_isRefusedAndFreesTheTokenizer(@TempDir Path folder) throws IOException {
        TinyQwen2.copyTo(folder);
        Qwen2Config config = Qwen2Config.read(folder);
        Safetensors checkpoint = Safetensors.open(folder);
        ModelFolder model = ModelFolder.read(folder, config, Dtype.FLOAT32, 64);
        Path weights = folder.resolve("model.safetensors");
        Files.delete(weights);
        assertThatThrownBy(() -> TinyQwen2.engine(folder).open(config, checkpoint, model))
                .isInstanceOf(ModelFolderException.class)
                .hasMessage(weights + " cannot be read: java.nio.file.NoSuchFileException: " + weights);
        assertThatThrownBy(() -> model.tokenizer().encode("x")).hasMessage("this tokenizer is closed");
    }

    @Test
    void generate_weightsThatAreNoNumbers_saysStepModelAndType(@TempDir Path folder) throws IOException {
        TinyQwen2.copyTo(folder);
        Path file = folder.resolve("model.safetensors");
        Safetensors.Entry norm = Safetensors.open(folder).get("model.norm.weight");
        try (var weights = new RandomAccessFile(file.toFile(), "rw")) {
            weights.seek(norm.position());
            weights.write(0xC0);
            weights.write(0x7F); // NaN in bfloat16
        }
        try (DjlEngine broken = TinyQwen2.engine(folder).open()) {
            assertThatThrownBy(() -> broken.generate(request(GREEDY)))
                    .isInstanceOf(GenerationException.class)
                    .hasCauseInstanceOf(InvalidLogitsException.class)
                    .hasMessageContaining("model " + folder.getFileName() + ", dtype bfloat16: step 0: ");
        }
    }

    @Test
    void open_badFolder_isRefusedWithoutLoadingAnything(@TempDir Path folder) throws IOException {
        assertThatThrownBy(() -> DjlEngine.open(folder.resolve("nowhere")))
                .isInstanceOf(ModelFolderException.class)
                .hasMessage("There is no model folder " + folder.resolve("nowhere") + ".");
        assertThatThrownBy(() -> DjlEngine.open(folder)).hasMessageContaining("config.json is missing");
        TinyQwen2.copyTo(folder);
        Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": \"end\"}");
        assertThatThrownBy(() -> DjlEngine.open(folder))
                .hasMessage(folder.resolve("generation_config.json")
                        + ": eos_token_id must be a token id or a list of them, found \"end\".");
        Files.writeString(folder.resolve("generation_config.json"), "{}");
        Path config = folder.resolve("config.json");
        String goodConfig = Files.readString(config);
        Files.writeString(config, goodConfig.replace("280", "\"end\""));
        assertThatThrownBy(() -> DjlEngine.open(folder))
                .hasMessage(config + ": eos_token_id must be a token id or a list of them, found \"end\".");
        Files.writeString(config, goodConfig);
        Path tokenizerConfig = folder.resolve("tokenizer_config.json");
        String goodTokenizerConfig = Files.readString(tokenizerConfig);
        Files.writeString(tokenizerConfig, "{\"chat_template\": ");
        assertThatThrownBy(() -> DjlEngine.open(folder))
                .isInstanceOf(TemperaException.class)
                .hasMessageContaining("tokenizer_config.json is damaged: ");
        Files.writeString(tokenizerConfig, goodTokenizerConfig);
        TinyQwen2.replaceInConfig(folder, "\"vocab_size\": 300", "\"vocab_size\": 200");
        assertThatThrownBy(() -> DjlEngine.open(folder))
                .hasMessage(
                        "model.embed_tokens.weight: expected shape [200, 112], found [300, 112] in model.safetensors."
                                + " Does config.json belong to these weights?");
    }

    @Test
    void open_tokenizerOfAnotherModel_isRefused(@TempDir Path folder) throws IOException {
        TinyQwen2.copyTo(folder);
        Path tokenizer = folder.resolve("tokenizer.json");
        Files.writeString(tokenizer, Files.readString(tokenizer).replace("\"id\": 289", "\"id\": 305"));
        assertThatThrownBy(() -> DjlEngine.open(folder))
                .isInstanceOf(ModelFolderException.class)
                .hasMessage(folder + ": tokenizer.json has ids up to 305, but vocab_size in config.json is 300."
                        + " Do they belong together?");
    }

    @Test
    void stream_chatWithAModelWithoutTemplate_saysWhatItTakes(@TempDir Path folder) throws IOException {
        TinyQwen2.copyTo(folder);
        Files.writeString(folder.resolve("tokenizer_config.json"), "{}");
        try (DjlEngine base = TinyQwen2.engine(folder).open()) {
            assertThatThrownBy(() -> base.stream(GenerationRequest.of(Prompt.chat("春"), GREEDY)))
                    .isInstanceOf(InvalidParametersException.class)
                    .hasMessageStartingWith("this model takes text or token ids as the prompt, not messages: ");
            assertThat(base.generate(GenerationRequest.of(
                                    new Prompt.Text("春"),
                                    GREEDY.toBuilder().maxTokens(2).build()))
                            .tokenIds())
                    .hasSize(2);
        }
    }

    @Test
    void chat_isRenderedByTheModelsTemplate() {
        GenerationResult chat = engine.generate(GenerationRequest.of(
                Prompt.chat("春江"), GREEDY.toBuilder().maxTokens(5).build()));
        GenerationResult text = engine.generate(GenerationRequest.of(
                new Prompt.Text("<|im_start|>user\n春江<|im_end|>\n<|im_start|>assistant\n"),
                GREEDY.toBuilder().maxTokens(5).build()));
        assertThat(chat.tokenIds()).isEqualTo(text.tokenIds());
        // <|im_start|> and <|im_end|> are one id each, every other ASCII character and 春 and 江 as well.
        assertThat(chat.usage().promptTokens()).isEqualTo(1 + 5 + 2 + 1 + 1 + 1 + 10);
    }

    private static void await(CountDownLatch latch) {
        try {
            if (!latch.await(30, TimeUnit.SECONDS)) {
                throw new IllegalStateException("waited in vain");
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
