package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.Logits;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Ties;
import dev.tempera.Vocabulary;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationPlan;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenStream;
import dev.tempera.engine.UnsupportedRequestException;
import dev.tempera.processor.BannedStrings;
import dev.tempera.processor.ClassifierFreeGuidance;
import dev.tempera.processor.Dry;
import dev.tempera.processor.MinTokens;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import dev.tempera.processor.TypicalP;
import dev.tempera.testkit.vllm.FakeVllm;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StepwiseStreamTest {
    private static final SamplingPipeline TYPICAL =
            SamplingPipeline.of(new Dry(1), new Temperature(0.8), new TypicalP(0.9, 1, Ties.KEEP_ALL));

    private static VllmEngine engine(FakeVllm server, Stepwise how) {
        return VllmEngine.builder(server.uri())
                .tokenizer(server.tokenizer())
                .stepwise(how)
                .open();
    }

    private static GenerationRequest.Builder request(SamplingPipeline pipeline, int maxTokens, long seed) {
        return GenerationRequest.builder()
                .prompt(new Prompt.Text("hello"))
                .pipeline(pipeline)
                .parameters(SamplingParameters.builder()
                        .maxTokens(maxTokens)
                        .ignoreEos(true)
                        .seed(seed)
                        .build());
    }

    @Test
    void processorsThatTheServerDoesNotHaveAreRefusedUnlessTheyMayRunHere() {
        try (FakeVllm server = FakeVllm.start();
                VllmEngine engine = engine(server, null)) {
            assertThatThrownBy(() -> engine.stream(request(TYPICAL, 4, 1).build()))
                    .isInstanceOf(UnsupportedRequestException.class)
                    .hasMessageContaining("Dry")
                    .hasMessageContaining("the server has no such processor")
                    .hasMessageContaining("allowStepwise(true)")
                    .hasMessageNotContaining("Temperature"); // which the server has
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void everyTokenIsDrawnHere(int draft) {
        try (FakeVllm server = FakeVllm.start();
                VllmEngine engine = engine(server, Stepwise.DEFAULT.withDraft(draft))) {
            server.clearRequests();
            GenerationResult result = engine.generate(request(TYPICAL, 12, 1).build());
            assertThat(result.tokenIds()).hasSize(12);
            assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
            assertThat(result.effectiveParameters().seed()).isEqualTo(1);
            assertThat((long) result.details().get("stepwise_requests"))
                    .isEqualTo(server.requests().size());
            assertThat((List<?>) result.details().get("stepwise_unseen_masses")).hasSize(12);
            assertThat((double) result.details().get("stepwise_unseen_mass")).isPositive();
            if (draft == 1) {
                assertThat(server.requests()).hasSize(12);
            } else {
                assertThat(server.requests()).hasSizeLessThan(12);
            }
        }
    }

    /** Completions list the drawn token beside the likeliest, the other route among them. */
    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void completionsServeAsWell(int draft) {
        try (FakeVllm server = FakeVllm.start();
                FakeVllm older = FakeVllm.builder()
                        .generateRoute(FakeVllm.GenerateRoute.DISABLED)
                        .start();
                VllmEngine engine =
                        engine(server, Stepwise.DEFAULT.withCandidates(15).withDraft(draft));
                VllmEngine completions =
                        engine(older, Stepwise.DEFAULT.withCandidates(15).withDraft(draft))) {
            GenerationRequest request = request(TYPICAL, 12, 4).build();
            assertThat(completions.generate(request).tokenIds())
                    .isEqualTo(engine.generate(request).tokenIds());
            assertThat(older.requests("/v1/completions")).isNotEmpty();
        }
    }

    @Test
    void aConversationIsRenderedFirst() {
        try (FakeVllm server = FakeVllm.start();
                VllmEngine engine = engine(server, Stepwise.DEFAULT)) {
            GenerationResult result = engine.generate(
                    request(TYPICAL, 5, 4).prompt(Prompt.chat("Hi")).build());
            assertThat(result.tokenIds()).hasSize(5);
            assertThat(server.requests("/tokenize")).isNotEmpty();
        }
    }

    @Test
    void theSameSeedDrawsTheSameText() {
        try (FakeVllm server = FakeVllm.start();
                VllmEngine engine = engine(server, Stepwise.DEFAULT.withDraft(5))) {
            GenerationRequest request = request(TYPICAL, 20, 9).build();
            assertThat(engine.generate(request).tokenIds())
                    .isEqualTo(engine.generate(request).tokenIds());
        }
    }

    @Test
    void theModelsOwnEndIsFoundAndEndsTheText() {
        try (FakeVllm server = FakeVllm.start();
                VllmEngine engine = engine(server, Stepwise.DEFAULT)) {
            GenerationRequest request = request(TYPICAL, 400, 3)
                    .parameters(
                            SamplingParameters.builder().maxTokens(400).seed(3).build())
                    .build();
            GenerationResult result = engine.generate(request);
            assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
            assertThat(result.tokenIds().get(result.tokenIds().size() - 1)).isEqualTo(257);
            assertThat(result.text()).doesNotContain("<|");
            SamplingPipeline longer = SamplingPipeline.of(new MinTokens(60), new Dry(1));
            GenerationResult atLeast = engine.generate(request(longer, 400, 3)
                    .parameters(
                            SamplingParameters.builder().maxTokens(400).seed(3).build())
                    .build());
            assertThat(atLeast.tokenIds()).hasSizeGreaterThanOrEqualTo(60);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 6})
    void bannedStringsNeverShow(int draft) {
        try (FakeVllm server = FakeVllm.start();
                VllmEngine engine = engine(server, Stepwise.DEFAULT.withDraft(draft))) {
            SamplingPipeline pipeline = SamplingPipeline.of(BannedStrings.of("a", "b c", "中"));
            for (int seed = 0; seed < 5; seed++) {
                StringBuilder text = new StringBuilder();
                try (TokenStream stream =
                        engine.stream(request(pipeline, 30, seed).build())) {
                    stream.forEachRemaining(chunk -> text.append(chunk.text()));
                    GenerationResult result = stream.result();
                    assertThat(result.text()).isEqualTo(text.toString());
                    assertThat((List<?>) result.details().get("stepwise_unseen_masses"))
                            .hasSameSizeAs(result.tokenIds());
                }
                assertThat(text.toString()).doesNotContain("a", "b c", "中");
            }
        }
    }

    /** With the same prompt on both sides guidance changes nothing, and with the whole vocabulary all is exact. */
    @Test
    void guidanceAsksTwiceForEveryToken() {
        try (FakeVllm server = FakeVllm.builder().maxLogprobs(-1).start();
                VllmEngine engine =
                        engine(server, Stepwise.DEFAULT.withCandidates(-1).onlyExact())) {
            GenerationRequest plain =
                    request(SamplingPipeline.of(new Dry(1)), 6, 2).build();
            SamplingPipeline guided = SamplingPipeline.of(new ClassifierFreeGuidance(3), new Dry(1));
            GenerationRequest same = request(guided, 6, 2)
                    .negativePrompt(new Prompt.Text("hello"))
                    .build();
            GenerationRequest other = request(guided, 6, 2)
                    .negativePrompt(new Prompt.Text("good bye"))
                    .build();
            List<Integer> expected = engine.generate(plain).tokenIds();
            server.clearRequests();
            assertThat(engine.generate(same).tokenIds()).isEqualTo(expected);
            assertThat(server.requests()).hasSize(12);
            assertThat(engine.generate(other).tokenIds()).isNotEqualTo(expected);
            assertThat(engine.plan(other).stages())
                    .filteredOn(stage -> stage.placement() == GenerationPlan.Placement.STEPWISE)
                    .allMatch(GenerationPlan.Stage::exact);
        }
    }

    @Test
    void guidanceWithoutTheWholeVocabularyIsRefused() {
        try (FakeVllm server = FakeVllm.start();
                VllmEngine engine = engine(server, Stepwise.DEFAULT)) {
            GenerationRequest request = request(SamplingPipeline.of(new ClassifierFreeGuidance(3)), 6, 2)
                    .negativePrompt(new Prompt.Text("x"))
                    .build();
            assertThatThrownBy(() -> engine.stream(request))
                    .isInstanceOf(UnsupportedRequestException.class)
                    .hasMessageContaining("--max-logprobs -1");
        }
    }

    @Test
    void whatIsNotExactIsRefusedIfExactnessIsDemanded() {
        try (FakeVllm server = FakeVllm.start();
                VllmEngine engine = engine(server, null)) {
            EngineOptions exact =
                    VllmOptions.builder().stepwise(Stepwise.DEFAULT.onlyExact()).build();
            assertThatThrownBy(() -> engine.stream(
                            request(TYPICAL, 4, 1).engineOptions(exact).build()))
                    .isInstanceOf(UnsupportedRequestException.class)
                    .hasMessageContaining("exactness was demanded");
            SamplingPipeline narrowed = SamplingPipeline.of(new TopK(10), new TypicalP(0.9, 1, Ties.KEEP_ALL));
            GenerationResult result =
                    engine.generate(request(narrowed, 4, 1).engineOptions(exact).build());
            assertThat(result.tokenIds()).hasSize(4);
        }
    }

    @Test
    void theSignOfALogitIsNotInALogProbability() {
        try (FakeVllm server = FakeVllm.start();
                VllmEngine engine = engine(server, Stepwise.DEFAULT)) {
            SamplingPipeline pipeline = SamplingPipeline.of(new Dry(1), new RepetitionPenalty(1.2));
            assertThatThrownBy(() -> engine.stream(request(pipeline, 4, 1).build()))
                    .isInstanceOf(UnsupportedRequestException.class)
                    .hasMessageContaining("the sign of a logit, which log-probabilities do not have")
                    .hasMessageContaining("--logprobs-mode raw_logits");
        }
    }

    @Test
    void logitsOfTheServerServeEveryProcessor() {
        try (FakeVllm server = FakeVllm.builder()
                        .maxLogprobs(-1)
                        .logprobsMode(FakeVllm.LogprobsMode.RAW_LOGITS)
                        .start();
                VllmEngine engine =
                        engine(server, Stepwise.DEFAULT.withCandidates(-1).withDraft(4))) {
            SamplingPipeline pipeline = SamplingPipeline.of(new RepetitionPenalty(1.2), new Dry(1));
            GenerationResult result = engine.generate(request(pipeline, 6, 1).build());
            assertThat(result.tokenIds()).hasSize(6);
            assertThat(result.details()).doesNotContainKeys("stepwise_drafted", "stepwise_unseen_mass");
        }
    }

    @Test
    void logprobsAreThoseThatTheProcessorsSaw() {
        try (FakeVllm server = FakeVllm.start();
                VllmEngine engine = engine(server, Stepwise.DEFAULT)) {
            Logprobs logprobs =
                    engine.generate(request(TYPICAL, 5, 1).logprobs(3).build()).logprobs();
            assertThat(logprobs).isNotNull();
            assertThat(logprobs.stage()).isEqualTo(Logprobs.Stage.RAW_LOGPROBS);
            assertThat(logprobs.positions()).hasSize(5).allSatisfy(position -> {
                assertThat(position.top()).hasSize(3);
                assertThat(position.drawn().value()).isLessThan(0).isFinite();
                assertThat(position.drawn().rank()).isPositive();
            });
        }
    }

    @Test
    void aCancelledTextIsWhatWasRead() {
        try (FakeVllm server = FakeVllm.start();
                VllmEngine engine = engine(server, Stepwise.DEFAULT.withDraft(8))) {
            try (TokenStream stream = engine.stream(request(TYPICAL, 50, 1).build())) {
                String read = stream.next().text() + stream.next().text();
                stream.cancel();
                GenerationResult result = stream.result();
                assertThat(result.finishReason()).isEqualTo(FinishReason.CANCELLED);
                assertThat(result.text()).isEqualTo(read);
                assertThat(result.tokenIds()).hasSize(2);
            }
        }
    }

    @Test
    void aFailureHasWhatCameBefore() {
        try (FakeVllm server = FakeVllm.start();
                VllmEngine engine = engine(server, Stepwise.DEFAULT)) {
            try (TokenStream stream = engine.stream(request(TYPICAL, 50, 1).build())) {
                stream.next();
                stream.next();
                server.killEngine();
                assertThatThrownBy(stream::result).isInstanceOfSatisfying(VllmException.class, e -> {
                    assertThat(e.partialResult()).isNotNull();
                    assertThat(e.partialResult().tokenIds()).hasSize(2);
                });
            }
        }
    }

    /** Over the wire: pairs of tokens follow what the pipeline makes of the log-probabilities that the server shows. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void pairsOfTokensFollowThePipeline(int draft) {
        SamplingPipeline pipeline = SamplingPipeline.of(new Temperature(0.5), new TopP(0.8, 1), new TopK(6));
        try (FakeVllm server = FakeVllm.start();
                VllmEngine engine = engine(server, Stepwise.DEFAULT.withDraft(draft))) {
            Map<List<Integer>, Integer> counts = new HashMap<>();
            for (int seed = 0; seed < 500; seed++) {
                GenerationResult result =
                        engine.generate(request(pipeline, 2, seed).build());
                counts.merge(result.tokenIds(), 1, Integer::sum);
            }
            assertThat(ChiSquare.pValue(counts, pairs(engine, pipeline))).isGreaterThan(1e-3);
        }
    }

    private static Map<List<Integer>, Double> pairs(VllmEngine engine, SamplingPipeline pipeline) {
        Map<List<Integer>, Double> pairs = new HashMap<>();
        next(engine, pipeline, List.of())
                .forEach((first, p) -> next(engine, pipeline, List.of(first))
                        .forEach((second, q) -> pairs.put(List.of(first, second), p * q)));
        return pairs;
    }

    private static Map<Integer, Double> next(VllmEngine engine, SamplingPipeline pipeline, List<Integer> generated) {
        List<Integer> text = new ArrayList<>("hello".chars().boxed().toList());
        text.addAll(generated);
        Logprobs logprobs = engine.generate(GenerationRequest.builder()
                        .prompt(new Prompt.Tokens(text))
                        .parameters(SamplingParameters.builder().maxTokens(1).build())
                        .logprobs(20)
                        .build())
                .logprobs();
        List<Logprobs.Token> top = logprobs.positions().get(0).top().stream()
                .sorted(Comparator.comparingInt(Logprobs.Token::tokenId))
                .toList();
        float[] values = new float[top.size()];
        int[] ids = new int[top.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = top.get(i).tokenId();
            values[i] = (float) top.get(i).value();
        }
        SequenceSampler sampler = pipeline.start(new int[] {1}, Vocabulary.ofRows(258), 0);
        Logits shaped = sampler.distribution(Logits.ofCandidates(ids, values, 258));
        double logSum = shaped.logSumExp();
        Map<Integer, Double> probabilities = new HashMap<>();
        for (int i = 0; i < shaped.size(); i++) {
            probabilities.put(shaped.tokenId(i), Math.exp(shaped.get(i) - logSum));
        }
        return probabilities;
    }
}
