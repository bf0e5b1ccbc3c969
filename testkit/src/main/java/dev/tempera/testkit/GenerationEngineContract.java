package dev.tempera.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.ProcessorSpec;
import dev.tempera.RepetitionDetection;
import dev.tempera.Sampler;
import dev.tempera.SamplingContext;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.TemperaException;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationChunk;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationException;
import dev.tempera.engine.GenerationListener;
import dev.tempera.engine.GenerationPlan;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenStream;
import dev.tempera.engine.UnsupportedRequestException;
import dev.tempera.processor.ClassifierFreeGuidance;
import dev.tempera.trace.SamplingTrace;
import dev.tempera.trace.TraceStep;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/**
 * What every {@link GenerationEngine} must hold. A test class of an engine extends this one and says how to open it.
 * The engine must be able to go on for 60 tokens after {@link #prompt} when the end of the turn is ignored.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 120)
public abstract class GenerationEngineContract {
    private static final int LENGTH = 40;

    private static final LogitsProcessor GUIDANCE = new ClassifierFreeGuidance(1.7);

    private GenerationEngine engine;

    /** A new engine, ready to generate. */
    protected abstract GenerationEngine open();

    /** A short prompt. */
    protected abstract Prompt prompt();

    /** How many tokens a prompt and its continuation may have together. */
    protected abstract int contextLength();

    /** An option that the engine does not have. */
    protected EngineOptions unsupportedOptions() {
        return EngineOptions.builder().lora("no-such-adapter").build();
    }

    /** Whether the engine draws by itself, with a seed that it makes up and tells where none is given; a server does not. */
    protected boolean makesUpASeed() {
        return true;
    }

    @BeforeAll
    void openEngine() {
        engine = open();
    }

    @AfterAll
    void closeEngine() {
        engine.close();
    }

    /** Draws often from the tail, and goes on until it is stopped. */
    private static SamplingParameters.Builder endless(long seed) {
        return SamplingParameters.builder().seed(seed).ignoreEos(true);
    }

    private static SamplingParameters.Builder parameters(long seed) {
        return endless(seed).maxTokens(LENGTH);
    }

    private GenerationRequest request(SamplingParameters.Builder parameters) {
        return GenerationRequest.of(prompt(), parameters.build());
    }

    private GenerationResult generate(SamplingParameters.Builder parameters) {
        return engine.generate(request(parameters));
    }

    @Test
    void stream_chunksTogether_areTheResult() {
        try (TokenStream stream = engine.stream(request(parameters(1)))) {
            StringBuilder text = new StringBuilder();
            List<Integer> tokenIds = new ArrayList<>();
            while (stream.hasNext()) {
                GenerationChunk chunk = stream.next();
                text.append(chunk.text());
                tokenIds.addAll(chunk.tokenIds());
            }
            GenerationResult result = stream.result();
            assertThat(result.text()).isEqualTo(text.toString()).isNotEmpty();
            assertThat(result.tokenIds()).isEqualTo(tokenIds);
        }
    }

    @Test
    void stream_hasNextAskedOften_losesNothing() {
        String expected = generate(parameters(1)).text();
        StringBuilder text = new StringBuilder();
        try (TokenStream stream = engine.stream(request(parameters(1)))) {
            while (stream.hasNext() && stream.hasNext() && stream.hasNext()) {
                text.append(stream.next().text());
            }
            assertThat(stream.hasNext()).isFalse();
        }
        assertThat(text).hasToString(expected);
    }

    @Test
    void stream_nextWithoutHasNext_readsToTheEndAndThenThrows() {
        GenerationResult expected = generate(parameters(1));
        try (TokenStream stream = engine.stream(request(parameters(1)))) {
            StringBuilder text = new StringBuilder();
            assertThatThrownBy(() -> {
                        while (true) {
                            text.append(stream.next().text());
                        }
                    })
                    .isInstanceOf(NoSuchElementException.class);
            assertThat(text).hasToString(expected.text());
        }
    }

    @Test
    void result_afterSomeChunks_isTheWhole() {
        String expected = generate(parameters(1)).text();
        try (TokenStream stream = engine.stream(request(parameters(1)))) {
            stream.next();
            stream.next();
            assertThat(stream.result().text()).isEqualTo(expected);
            assertThat(stream.result().text()).isEqualTo(expected);
        }
    }

    @Test
    void maxTokens_isExact_andEndsWithLength() {
        for (int maxTokens : new int[] {1, 2, 17}) {
            GenerationResult result = generate(endless(1).maxTokens(maxTokens));

            assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
            assertThat(result.usage().generatedTokens()).isEqualTo(maxTokens);
        }
    }

    @Test
    void usage_countsPromptAndGeneratedTokens() {
        int tokenId = someTokenId();
        GenerationResult result = engine.generate(GenerationRequest.of(
                new Prompt.Tokens(List.of(tokenId, tokenId, tokenId)),
                parameters(1).build()));

        assertThat(result.usage().promptTokens()).isEqualTo(3);
        assertThat(result.usage().generatedTokens()).isEqualTo(LENGTH);
        assertThat(result.usage().totalTokens()).isEqualTo(3 + LENGTH);
    }

    @Test
    void stopString_isRemovedAndNeverShown_whereverItStands() {
        String whole = generate(parameters(2)).text();
        for (int length = 1; length <= 4; length++) {
            for (int at = 1; at + length < whole.length() - 4; at += 5) {
                String stop = whole.substring(at, at + length);
                if (splitsACharacter(stop)) {
                    continue;
                }
                String expected = whole.substring(0, whole.indexOf(stop));
                StringBuilder shown = new StringBuilder();
                try (TokenStream stream = engine.stream(request(parameters(2).stop(List.of(stop))))) {
                    stream.forEachRemaining(chunk -> shown.append(chunk.text()));
                    assertThat(shown).as("text before \"%s\"", stop).hasToString(expected);
                    assertThat(stream.result().text()).isEqualTo(expected);
                    assertThat(stream.result().finishReason()).isEqualTo(FinishReason.STOP);
                    assertThat(stream.result().usage().generatedTokens()).isLessThanOrEqualTo(LENGTH);
                }
            }
        }
    }

    @Test
    void stopStrings_ofSeveral_theFirstInTheTextCounts() {
        String whole = generate(parameters(2)).text();
        int middle = whole.length() / 2;
        List<String> stops = List.of("no such text", whole.substring(middle - 1), whole.substring(1, 4));

        assertThat(generate(parameters(2).stop(stops)).text())
                .isEqualTo(whole.substring(0, whole.indexOf(whole.substring(1, 4))));
    }

    @Test
    void stopString_asked_staysInTheOutput() {
        String whole = generate(parameters(2)).text();
        String stop = whole.substring(3, 5);
        GenerationResult result = generate(parameters(2).stop(List.of(stop)).includeStopStrInOutput(true));

        assertThat(result.text()).isEqualTo(whole.substring(0, whole.indexOf(stop) + stop.length()));
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
    }

    @Test
    void stopString_thatDoesNotCome_changesNothing() {
        GenerationResult plain = generate(parameters(2));
        GenerationResult result = generate(parameters(2).stop(List.of(plain.text() + "!")));

        assertThat(result.text()).isEqualTo(plain.text());
        assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void stopString_beforeMinTokens_isNotLookedFor() {
        String whole = generate(parameters(2)).text();
        GenerationResult result =
                generate(parameters(2).stop(List.of(whole.substring(1, 2))).minTokens(12));

        assertThat(result.usage().generatedTokens()).isGreaterThanOrEqualTo(12);
    }

    @Test
    void stopRegex_isRemovedAndNeverShown_whereverItStands() {
        String whole = generate(parameters(2)).text();
        for (int at = 1; at + 3 < whole.length() - 4; at += 5) {
            String begin = whole.substring(at, at + 1);
            if (splitsACharacter(begin)) {
                continue;
            }
            String regex = "(?s)" + Pattern.quote(begin) + ".{1,3}" + (at % 2 == 0 ? "[^a-m]" : "");
            String head = shortestWithMatch(regex, whole);
            Matcher match = Pattern.compile(regex).matcher(head);
            String expected = match.find() ? head.substring(0, match.start()) : whole;
            StringBuilder shown = new StringBuilder();
            try (TokenStream stream = engine.stream(request(parameters(2).stopRegex(List.of(regex))))) {
                stream.forEachRemaining(chunk -> shown.append(chunk.text()));
                assertThat(shown).as("text before %s", regex).hasToString(expected);
                assertThat(stream.result().text()).isEqualTo(expected);
                assertThat(stream.result().finishReason())
                        .isEqualTo(head.equals(whole) ? FinishReason.LENGTH : FinishReason.STOP);
            }
            GenerationResult included =
                    generate(parameters(2).stopRegex(List.of(regex)).includeStopStrInOutput(true));
            assertThat(included.text()).as("text with %s", regex).isEqualTo(head);
        }
    }

    /** The shortest beginning of the text that has a match; all of it if there is none. */
    private static String shortestWithMatch(String regex, String text) {
        for (int end = 1; end < text.length(); end++) {
            if (Pattern.compile(regex).matcher(text.substring(0, end)).find()) {
                return text.substring(0, end);
            }
        }
        return text;
    }

    @Test
    void stopRegex_thatBacktracksForEver_failsAndNamesThePattern() {
        String regex = "(?s)((.*?.)*?.)*?(?!)"; // matches nothing

        assertThatThrownBy(() -> generate(parameters(2).stopRegex(List.of(regex))))
                .isInstanceOf(GenerationException.class)
                .hasMessageContaining("stop_regex")
                .hasMessageContaining(regex);
        assertThat(generate(parameters(2)).finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void repetition_endsTheGeneration_onceItsPatternStandsThereOftenEnough() {
        SamplingParameters.Builder always = parameters(2).allowedTokenIds(List.of(someTokenId()));
        GenerationResult result = generate(always.repetitionDetection(new RepetitionDetection(2, 0, 5)));

        assertThat(result.finishReason()).isEqualTo(FinishReason.REPETITION);
        assertThat(result.usage().generatedTokens()).isEqualTo(5);
        // As vLLM: not before min_tokens, and the length limit comes first.
        assertThat(generate(always.minTokens(9)).usage().generatedTokens()).isEqualTo(9);
        assertThat(generate(always.minTokens(0).maxTokens(5)).finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void repetition_thatDoesNotCome_changesNothing() {
        GenerationResult result =
                generate(parameters(2).repetitionDetection(new RepetitionDetection(LENGTH, 1, LENGTH)));

        assertThat(result.text()).isEqualTo(generate(parameters(2)).text());
        assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void deadline_endsTheGeneration_withTheTextSoFar() {
        GenerationListener slow = new GenerationListener() {
            @Override
            public void token(int tokenId) {
                try {
                    Thread.sleep(30);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        };
        GenerationRequest request = GenerationRequest.builder()
                .prompt(prompt())
                .parameters(endless(2).maxTime(0.01).build())
                .listener(slow)
                .build();
        try (TokenStream stream = engine.stream(request)) {
            StringBuilder text = new StringBuilder();
            stream.forEachRemaining(chunk -> text.append(chunk.text()));

            assertThat(stream.result().finishReason()).isEqualTo(FinishReason.DEADLINE);
            assertThat(stream.result().text()).isEqualTo(text.toString());
            assertThat(stream.result().usage().generatedTokens()).isPositive();
        }
    }

    @Test
    void deadline_thatIsFarAway_changesNothing() {
        GenerationResult result = generate(parameters(2).maxTime(3600));

        assertThat(result.text()).isEqualTo(generate(parameters(2)).text());
        assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void stopTokenId_endsTheGeneration_andIsTheLastId() {
        List<Integer> whole = generate(parameters(2)).tokenIds();
        assumeTrue(!whole.isEmpty(), "the engine hides token ids");
        int stop = whole.get(9);
        GenerationResult result = generate(parameters(2).stopTokenIds(List.of(stop)));

        assertThat(result.tokenIds()).isEqualTo(whole.subList(0, whole.indexOf(stop) + 1));
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
    }

    @Test
    void seed_same_givesTheSameText() {
        assertThat(generate(parameters(5)).text())
                .isEqualTo(generate(parameters(5)).text());
    }

    @Test
    void seed_others_giveOtherTexts() {
        long different = IntStream.range(0, 5)
                .mapToObj(seed -> generate(parameters(seed)).text())
                .distinct()
                .count();

        assertThat(different).isGreaterThan(1);
    }

    @Test
    void seed_notGiven_isToldAndGivesTheSameTextAgain() {
        SamplingParameters unseeded = SamplingParameters.builder()
                .temperature(1)
                .ignoreEos(true)
                .maxTokens(LENGTH)
                .build();
        GenerationResult first = engine.generate(GenerationRequest.of(prompt(), unseeded));
        if (!makesUpASeed()) {
            assertThat(first.effectiveParameters().seed()).isNull();
            return;
        }
        assertThat(first.effectiveParameters().seed()).isNotNull();

        GenerationResult again = engine.generate(GenerationRequest.of(prompt(), first.effectiveParameters()));
        assertThat(again.text()).isEqualTo(first.text());
    }

    @Test
    void logprobs_areOfEveryToken_inItsPlaceAmongTheMostProbable() {
        GenerationResult plain = generate(parameters(1));
        assertThat(plain.logprobs()).isNull();
        GenerationResult result = engine.generate(GenerationRequest.builder()
                .prompt(prompt())
                .parameters(parameters(1).build())
                .logprobs(3)
                .build());
        List<Logprobs.Position> positions =
                Objects.requireNonNull(result.logprobs()).positions();
        assertThat(positions).hasSize(LENGTH);
        for (int i = 0; i < LENGTH; i++) {
            Logprobs.Token drawn = positions.get(i).drawn();
            assertThat(drawn.tokenId()).isEqualTo(result.tokenIds().get(i));
            List<Logprobs.Token> top = positions.get(i).top();
            assertThat(top).hasSize(3);
            assertThat(top).extracting(Logprobs.Token::value).isSortedAccordingTo(Comparator.reverseOrder());
            assertThat(drawn.value()).isLessThanOrEqualTo(0);
            if (drawn.rank() >= 1 && drawn.rank() <= 3) {
                assertThat(top.get(drawn.rank() - 1).value()).isEqualTo(drawn.value());
            } else if (drawn.rank() > 3) { // 0 is not told
                assertThat(drawn.value()).isLessThanOrEqualTo(top.get(2).value());
            }
        }
    }

    @Test
    void logprobs_ofZero_areOfTheDrawnTokenAlone_inTheChunksToo() {
        GenerationRequest request = GenerationRequest.builder()
                .prompt(prompt())
                .parameters(parameters(1).build())
                .logprobs(0)
                .build();
        List<Logprobs.Position> inChunks = new ArrayList<>();
        try (TokenStream stream = engine.stream(request)) {
            while (stream.hasNext()) {
                inChunks.addAll(stream.next().logprobs());
            }
            assertThat(inChunks)
                    .hasSize(LENGTH)
                    .allMatch(position -> position.top().isEmpty());
            assertThat(Objects.requireNonNull(stream.result().logprobs()).positions())
                    .isEqualTo(inChunks);
        }
    }

    /** An engine whose trace knows the most probable tokens alone overrides this with what it can tell. */
    @Test
    protected void trace_tellsEveryToken() {
        GenerationRequest plain = request(parameters(5).temperature(0.8).topP(0.9));
        GenerationRequest traced = GenerationRequest.builder()
                .prompt(plain.prompt())
                .parameters(plain.parameters())
                .trace(true)
                .build();
        assertThat(engine.generate(plain).trace()).isNull();
        assumeTraces(traced);
        GenerationResult result = engine.generate(traced);

        SamplingTrace trace = Objects.requireNonNull(result.trace());
        assertThat(trace.steps()).extracting(TraceStep::tokenId).isEqualTo(result.tokenIds());
        assertThat(trace.header().seed()).isEqualTo(5);
        assertThat(trace.header().parameters()).isEqualTo(result.effectiveParameters());
        for (TraceStep step : trace.steps()) {
            assertThat(step.stages()).hasSize(traced.pipeline().processors().size() + 1);
            assertThat(step.exactLogProbability())
                    .isLessThanOrEqualTo(0)
                    .isGreaterThanOrEqualTo(step.rawLogProbability() - 50);
            assertThat(step.uniform()).isBetween(step.cumulativeFrom() - 1e-6, step.cumulativeTo() + 1e-6);
        }
    }

    /** One that has no logits refuses. */
    private void assumeTraces(GenerationRequest traced) {
        if (!engine.plan(traced).rejected().isEmpty()) {
            assertThatThrownBy(() -> engine.stream(traced))
                    .isInstanceOf(UnsupportedRequestException.class)
                    .hasMessageContaining("trace");
            assumeTrue(false, "the engine does not see logits");
        }
    }

    @Test
    void stream_cancelled_hasTheTraceOfWhatWasRead() {
        GenerationRequest traced = GenerationRequest.builder()
                .prompt(prompt())
                .parameters(endless(3).build())
                .trace(true)
                .build();
        assumeTraces(traced);
        try (TokenStream stream = engine.stream(traced)) {
            stream.next();
            stream.next();
            stream.cancel();
            GenerationResult result = stream.result();
            assertThat(Objects.requireNonNull(result.trace()).steps())
                    .extracting(TraceStep::tokenId)
                    .isEqualTo(result.tokenIds());
        }
    }

    @Test
    void temperatureZero_isTheSameForEverySeed() {
        assertThat(generate(parameters(1).temperature(0)).text())
                .isEqualTo(generate(parameters(2).temperature(0)).text());
    }

    @Test
    void generateAll_isTheSameAsOneByOne() {
        List<GenerationRequest> requests = List.of(
                request(parameters(1)),
                request(parameters(2).temperature(1.5).maxTokens(7)),
                request(parameters(3).topP(0.5)),
                request(parameters(4).temperature(0)),
                request(parameters(2)
                        .stop(List.of(generate(parameters(2)).text().substring(2, 4)))));

        List<GenerationResult> together = engine.generateAll(requests);

        assertThat(together).hasSameSizeAs(requests);
        for (int i = 0; i < requests.size(); i++) {
            GenerationResult alone = engine.generate(requests.get(i));
            assertThat(together.get(i).text()).as("request %d", i).isEqualTo(alone.text());
            assertThat(together.get(i).tokenIds()).isEqualTo(alone.tokenIds());
            assertThat(together.get(i).finishReason()).isEqualTo(alone.finishReason());
        }
        assertThat(engine.generateAll(List.of())).isEmpty();
    }

    @Test
    void streams_onManyThreads_areTheSameAsAlone() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<String>> together = new ArrayList<>();
            for (int seed = 0; seed < 8; seed++) {
                GenerationRequest request = request(parameters(seed));
                together.add(threads.submit(() -> engine.generate(request).text()));
            }
            for (int seed = 0; seed < 8; seed++) {
                assertThat(together.get(seed).get(60, TimeUnit.SECONDS))
                        .as("seed %d", seed)
                        .isEqualTo(generate(parameters(seed)).text());
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void processor_thatTakesBack_getsOtherTokens_alsoAmongOthers() {
        SamplingParameters beside = parameters(5).build();
        GenerationResult plain = engine.generate(GenerationRequest.of(prompt(), beside));
        SamplingParameters engineOnly = SamplingParameters.builder()
                .seed(5)
                .ignoreEos(true)
                .maxTokens(LENGTH)
                .build();
        GenerationRequest request = GenerationRequest.builder()
                .prompt(prompt())
                .parameters(engineOnly)
                .pipeline(SamplingPipeline.of(
                        new TakesBack(plain.tokenIds().get(1), plain.tokenIds().get(2))))
                .build();
        assumeRunsHere(request);

        List<GenerationResult> results =
                engine.generateAll(List.of(request, GenerationRequest.of(prompt(), beside), request));

        GenerationResult other = results.get(0);
        assertThat(other.tokenIds()).hasSize(LENGTH);
        assertThat(other.tokenIds().get(0)).isEqualTo(plain.tokenIds().get(0));
        assertThat(other.tokenIds().get(1)).isNotEqualTo(plain.tokenIds().get(1));
        assertThat(results.get(2).tokenIds()).isEqualTo(other.tokenIds());
        assertThat(results.get(1).tokenIds()).isEqualTo(plain.tokenIds());
        assertThat(engine.generate(request).text()).isEqualTo(other.text());
    }

    /** On full logits, that is: not over what a server shows of them. */
    private void assumeRunsHere(GenerationRequest request) {
        assumeTrue(runsHere(request), "this engine does not run processors of this JVM");
    }

    private boolean runsHere(GenerationRequest request) {
        return engine.plan(request).stages().stream()
                .noneMatch(stage -> stage.placement() == GenerationPlan.Placement.REJECTED
                        || stage.placement() == GenerationPlan.Placement.STEPWISE);
    }

    @Test
    void negativePrompt_isContinuedWithTheSameTokens() {
        Prompt negative = new Prompt.Tokens(generate(parameters(1)).tokenIds().subList(0, 9));
        assumeTrue(canBeGuided());

        assertThat(engine.generate(guided(prompt(), negative, new TakesNegative()))
                        .tokenIds())
                .isEqualTo(engine.generate(guided(negative, negative)).tokenIds());
    }

    @Test
    void negativePrompt_notGiven_isTheLastTokenOfThePrompt() {
        List<Integer> tokenIds = generate(parameters(1)).tokenIds();
        assumeTrue(canBeGuided());
        Prompt prompt = new Prompt.Tokens(tokenIds.subList(0, 5));
        ProcessorSpec guidance = ProcessorSpec.of("classifier_free_guidance", Map.of("scale", 1.7));
        SamplingParameters parameters =
                parameters(1).temperature(0).processors(List.of(guidance)).build();

        assertThat(engine.generate(GenerationRequest.of(prompt, parameters)).tokenIds())
                .isEqualTo(engine.generate(guided(prompt, new Prompt.Tokens(tokenIds.subList(4, 5)), GUIDANCE))
                        .tokenIds());
    }

    @Test
    void guidance_amongOthers_andWithTokensTakenBack_isTheSameAsAlone() {
        List<Integer> tokenIds = generate(parameters(1)).tokenIds();
        Prompt one = new Prompt.Tokens(tokenIds.subList(0, 9));
        Prompt other = new Prompt.Tokens(tokenIds.subList(3, 6));
        assumeTrue(canBeGuided());
        List<Integer> behindOne = engine.generate(guided(one, one)).tokenIds();
        TakesBack takesBack = new TakesBack(behindOne.get(1), behindOne.get(2));
        List<GenerationRequest> requests = List.of(
                guided(prompt(), one, GUIDANCE),
                guided(prompt(), other, GUIDANCE),
                guided(one, other, GUIDANCE, takesBack),
                guided(prompt(), one, new TakesNegative()),
                guided(prompt(), one, new TakesNegative(), takesBack),
                guided(one, one, takesBack));

        List<GenerationResult> together = engine.generateAll(requests);

        for (int i = 0; i < requests.size(); i++) {
            assertThat(together.get(i).tokenIds())
                    .as("request %d", i)
                    .isEqualTo(engine.generate(requests.get(i)).tokenIds());
        }
        assertThat(together.get(0).tokenIds()).isNotEqualTo(together.get(1).tokenIds());
        assertThat(together.get(3).tokenIds()).isEqualTo(behindOne);
        assertThat(together.get(4).tokenIds())
                .isEqualTo(together.get(5).tokenIds())
                .isNotEqualTo(behindOne);
    }

    private boolean canBeGuided() {
        return runsHere(guided(prompt(), prompt(), GUIDANCE));
    }

    /** Greedily. */
    private static GenerationRequest guided(Prompt prompt, Prompt negative, LogitsProcessor... processors) {
        SamplingPipeline.Builder pipeline = SamplingPipeline.builder().sampler(Sampler.GREEDY);
        List.of(processors).forEach(pipeline::add);
        return GenerationRequest.builder()
                .prompt(prompt)
                .negativePrompt(negative)
                .parameters(endless(1).maxTokens(LENGTH).build())
                .pipeline(pipeline.build())
                .build();
    }

    @Test
    void guidance_whereItCannotBe_isInThePlanAndRefused() {
        GenerationRequest request = guided(prompt(), prompt(), GUIDANCE);
        List<GenerationPlan.Stage> rejected = engine.plan(request).rejected();
        assumeTrue(!rejected.isEmpty(), "the engine runs a negative prompt");

        assertThatThrownBy(() -> engine.stream(request))
                .isInstanceOf(UnsupportedRequestException.class)
                .hasMessageContaining(rejected.get(0).stage());
    }

    @Test
    void guidance_byLogitsThatNoEngineGives_isRefused() {
        LogitsProcessor needy = new LogitsProcessor() {
            @Override
            public void process(Logits logits, SamplingContext context) {}

            @Override
            public Set<String> needsLogits() {
                return Set.of("of an unknown kind");
            }
        };
        GenerationRequest request = GenerationRequest.builder()
                .prompt(prompt())
                .pipeline(SamplingPipeline.of(needy))
                .build();

        assertThat(engine.plan(request).rejected()).isNotEmpty();
        assertThatThrownBy(() -> engine.stream(request)).isInstanceOf(UnsupportedRequestException.class);
    }

    @Test
    void negativePrompt_thatCannotBeUsed_isRefused() {
        assumeTrue(canBeGuided());
        assertThatThrownBy(() -> engine.stream(guided(prompt(), new Prompt.Tokens(List.of()), GUIDANCE)))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessageContaining("the negative prompt must have at least one token");
        Prompt tooLong = new Prompt.Tokens(Collections.nCopies(contextLength(), someTokenId()));
        assertThatThrownBy(() -> engine.stream(guided(prompt(), tooLong, GUIDANCE)))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessageContaining("the negative prompt has " + contextLength() + " tokens");
        // The longer of the two decides how much may follow.
        Prompt longest = new Prompt.Tokens(Collections.nCopies(contextLength() - 3, someTokenId()));
        assertThat(engine.generate(guided(prompt(), longest, GUIDANCE)).tokenIds())
                .hasSize(3);
    }

    @Test
    void cancel_beforeReading_endsCancelled() {
        try (TokenStream stream = engine.stream(request(endless(1)))) {
            stream.cancel();
            stream.cancel();
            assertThat(stream.result().finishReason()).isEqualTo(FinishReason.CANCELLED);
        }
    }

    @Test
    void cancel_whileTheEngineRunsAhead_endsWithWhatWasRead() throws Exception {
        CountDownLatch ended = new CountDownLatch(1);
        GenerationRequest request = GenerationRequest.builder()
                .prompt(prompt())
                .parameters(endless(1).maxTokens(8).build())
                .listener(new GenerationListener() {
                    @Override
                    public void finished(GenerationResult result, Timings timings) {
                        ended.countDown();
                    }
                })
                .build();
        try (TokenStream stream = engine.stream(request)) {
            String first = stream.next().text();
            ended.await(1, TimeUnit.SECONDS); // one that does not run ahead does not end yet
            stream.cancel();

            assertThat(stream.hasNext()).isFalse();
            assertThat(stream.result().text()).isEqualTo(first);
            assertThat(stream.result().finishReason()).isEqualTo(FinishReason.CANCELLED);
        }
    }

    @Test
    void cancel_afterTheLastChunk_changesNothing() {
        try (TokenStream stream = engine.stream(request(endless(1).maxTokens(3)))) {
            while (stream.hasNext()) {
                stream.next();
            }
            stream.cancel();
            assertThat(stream.result().finishReason()).isEqualTo(FinishReason.LENGTH);
        }
    }

    @Test
    void cancel_fromAnotherThread_endsCancelledWithTheTextSoFar() throws Exception {
        CountDownLatch underWay = new CountDownLatch(3);
        CountDownLatch cancelled = new CountDownLatch(1);
        GenerationListener pausing = new GenerationListener() {
            @Override
            public void token(int tokenId) {
                underWay.countDown();
                if (underWay.getCount() == 0) {
                    await(cancelled);
                }
            }
        };
        GenerationRequest request = GenerationRequest.builder()
                .prompt(prompt())
                .parameters(endless(1).build())
                .listener(pausing)
                .build();
        try (TokenStream stream = engine.stream(request)) {
            CompletableFuture<Void> canceller = CompletableFuture.runAsync(() -> {
                await(underWay);
                stream.cancel();
                cancelled.countDown();
            });
            StringBuilder text = new StringBuilder();
            stream.forEachRemaining(chunk -> text.append(chunk.text()));
            canceller.get(30, TimeUnit.SECONDS);

            assertThat(stream.result().finishReason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(stream.result().text()).isEqualTo(text.toString());
            assertThat(stream.result().usage().generatedTokens()).isGreaterThanOrEqualTo(3);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            if (!latch.await(30, TimeUnit.SECONDS)) {
                fail("waited 30 s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void close_ofAStream_anyNumberOfTimes_leavesTheEngineUsable() {
        TokenStream untouched = engine.stream(request(endless(1)));
        untouched.close();
        untouched.close();
        TokenStream begun = engine.stream(request(endless(1)));
        begun.next();
        begun.close();
        begun.close();
        TokenStream ended = engine.stream(request(parameters(1)));
        String text = ended.result().text();
        ended.close();
        ended.close();

        assertThat(generate(parameters(1)).text()).isEqualTo(text);
    }

    @Test
    void close_ofTheEngine_anyNumberOfTimes_thenStreamIsRefused() {
        GenerationEngine closed = open();
        closed.close();
        closed.close();

        assertThatThrownBy(() -> closed.stream(request(parameters(1))))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(() -> closed.generateAll(List.of(request(parameters(1)))))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void close_ofTheEngine_endsRunningStreams() {
        GenerationEngine closing = open();
        try (TokenStream stream = closing.stream(request(endless(1)))) {
            stream.next();
            closing.close();
            FinishReason reason;
            try {
                reason = stream.result().finishReason();
            } catch (TemperaException e) {
                return; // to fail is a way to end, too
            }
            assertThat(reason).isIn(FinishReason.ABORT, FinishReason.CANCELLED);
        }
    }

    @Test
    void plan_hasEveryStageInOrder() {
        GenerationRequest request = request(parameters(1)
                .topK(20)
                .topP(0.9)
                .minP(0.01)
                .repetitionPenalty(1.1)
                .temperature(0.8)
                .stop(List.of("\n\n\n")));
        List<String> expected = new ArrayList<>();
        request.pipeline().processors().forEach(processor -> expected.add(processor.toString()));
        expected.add(request.pipeline().sampler().toString());

        GenerationPlan plan = engine.plan(request);

        assertThat(plan.stages()).extracting(GenerationPlan.Stage::stage).containsSubsequence(expected);
        assertThat(plan.stages().size()).as("stages and the stop string").isGreaterThan(expected.size());
        assertThat(plan.stages()).allSatisfy(stage -> assertThat(stage.reason()).isNotBlank());
    }

    @Test
    void plan_hasEveryStop() {
        SamplingParameters.Builder all = parameters(1)
                .stop(List.of("\n\n\n"))
                .stopRegex(List.of("\\d{9}"))
                .stopTokenIds(List.of(someTokenId()))
                .repetitionDetection(new RepetitionDetection(20, 0, 20))
                .maxTime(600);

        assertThat(engine.plan(request(all)).stages())
                .extracting(GenerationPlan.Stage::stage)
                .anySatisfy(stage -> assertThat(stage).contains("stop").contains("\n\n\n"))
                .anySatisfy(stage -> assertThat(stage).contains("stop_regex").contains("\\d{9}"))
                .anySatisfy(stage -> assertThat(stage).contains("stop_token_ids"))
                .anySatisfy(stage -> assertThat(stage).contains("repetition_detection"))
                .anySatisfy(stage -> assertThat(stage).contains("max_time").contains("600"))
                .anySatisfy(stage -> assertThat(stage).contains("max_tokens").contains("" + LENGTH));
    }

    @Test
    void unsupportedOption_isInThePlanAndRefused() {
        GenerationRequest request = GenerationRequest.builder()
                .prompt(prompt())
                .parameters(parameters(1).build())
                .engineOptions(unsupportedOptions())
                .build();
        String option = unsupportedOptions().names().get(0);

        assertThat(engine.plan(request).rejected())
                .hasSize(1)
                .allSatisfy(stage -> assertThat(stage.stage()).contains(option));
        assertThatThrownBy(() -> engine.stream(request))
                .isInstanceOf(UnsupportedRequestException.class)
                .hasMessageContaining(option);
    }

    @Test
    void prompt_empty_isRefused() {
        assertThatThrownBy(() -> engine.stream(GenerationRequest.of(
                        new Prompt.Tokens(List.of()), parameters(1).build())))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessageContaining("prompt")
                .hasMessageContaining("at least one token");
        assertThatThrownBy(() -> engine.stream(
                        GenerationRequest.of(new Prompt.Text(""), parameters(1).build())))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessageContaining("prompt");
    }

    @Test
    void prompt_longerThanTheContext_isRefusedWithBothLengths() {
        for (int length : new int[] {contextLength(), contextLength() + 100}) {
            Prompt tooLong = new Prompt.Tokens(Collections.nCopies(length, someTokenId()));

            assertThatThrownBy(() -> engine.stream(
                            GenerationRequest.of(tooLong, parameters(1).build())))
                    .isInstanceOf(InvalidParametersException.class)
                    .hasMessageContaining("prompt")
                    .hasMessageContaining(String.valueOf(length))
                    .hasMessageContaining(String.valueOf(contextLength()));
        }
    }

    @Test
    void prompt_thatLeavesRoomForOneToken_getsOne() {
        Prompt prompt = new Prompt.Tokens(Collections.nCopies(contextLength() - 1, someTokenId()));
        GenerationResult result =
                engine.generate(GenerationRequest.of(prompt, endless(1).build()));

        assertThat(result.usage().generatedTokens()).isEqualTo(1);
        assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void prompt_withAnUnknownTokenId_isRefused() {
        for (int tokenId : new int[] {-1, Integer.MAX_VALUE}) {
            GenerationRequest request = GenerationRequest.of(
                    new Prompt.Tokens(List.of(tokenId)), parameters(1).build());
            assertThatThrownBy(() -> engine.generate(request))
                    .isInstanceOf(TemperaException.class)
                    .hasMessageContaining(String.valueOf(tokenId));
        }
    }

    @Test
    void listener_isToldEverythingInOrder() {
        List<String> events = Collections.synchronizedList(new ArrayList<>());
        GenerationRequest request = GenerationRequest.builder()
                .prompt(prompt())
                .parameters(parameters(1).build())
                .listener(recording(events))
                .build();
        GenerationResult result = engine.generate(request);

        List<String> expected = new ArrayList<>(List.of("started"));
        result.tokenIds().forEach(tokenId -> expected.add("token " + tokenId));
        expected.add("finished " + result.text());
        assertThat(events).isEqualTo(expected);
    }

    private static GenerationListener recording(List<String> events) {
        return new GenerationListener() {
            @Override
            public void started(GenerationRequest request, GenerationPlan plan) {
                events.add("started");
            }

            @Override
            public void token(int tokenId) {
                events.add("token " + tokenId);
            }

            @Override
            public void finished(GenerationResult result, Timings timings) {
                events.add("finished " + result.text());
            }

            @Override
            public void failed(RuntimeException failure, Timings timings) {
                events.add("failed " + failure.getMessage());
            }
        };
    }

    @Test
    void listener_thatThrows_disturbsNobody() {
        GenerationListener throwing = new GenerationListener() {
            @Override
            public void started(GenerationRequest request, GenerationPlan plan) {
                throw new IllegalStateException("a listener's mistake");
            }

            private boolean thrown;

            @Override
            public void token(int tokenId) {
                if (!thrown) {
                    thrown = true;
                    throw new IllegalStateException("a listener's mistake");
                }
            }

            @Override
            public void finished(GenerationResult result, Timings timings) {
                throw new IllegalStateException("a listener's mistake");
            }
        };
        GenerationRequest request = GenerationRequest.builder()
                .prompt(prompt())
                .parameters(parameters(1).build())
                .listener(throwing)
                .build();

        assertThat(engine.generate(request).text())
                .isEqualTo(generate(parameters(1)).text());
    }

    @Test
    void failure_midway_keepsWhatWasGenerated_andLeavesTheEngineUsable() {
        LogitsProcessor failing = (logits, context) -> {
            if (context.history().generatedSize() == 5) {
                throw new IllegalStateException("this processor gives up");
            }
        };
        List<String> events = Collections.synchronizedList(new ArrayList<>());
        GenerationRequest request = GenerationRequest.builder()
                .prompt(prompt())
                .parameters(parameters(1).build())
                .pipeline(SamplingPipeline.of(failing))
                .listener(recording(events))
                .build();
        assumeRunsHere(request);

        assertThatThrownBy(() -> engine.generate(request))
                .isInstanceOfSatisfying(GenerationException.class, e -> {
                    GenerationResult partial = Objects.requireNonNull(e.partialResult());
                    assertThat(partial.usage().generatedTokens()).isEqualTo(5);
                    assertThat(partial.finishReason()).isEqualTo(FinishReason.ABORT);
                })
                .hasMessageContaining("this processor gives up")
                .hasRootCauseInstanceOf(IllegalStateException.class);
        assertThat(events).hasSize(7).last().asString().contains("this processor gives up");
        assertThat(generate(parameters(1)).finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    private int someTokenId() {
        List<Integer> tokenIds = generate(parameters(1)).tokenIds();
        assumeTrue(!tokenIds.isEmpty(), "the engine hides token ids");
        return tokenIds.get(tokenIds.size() / 2);
    }

    private static boolean splitsACharacter(String text) {
        return Character.isLowSurrogate(text.charAt(0)) || Character.isHighSurrogate(text.charAt(text.length() - 1));
    }
}
