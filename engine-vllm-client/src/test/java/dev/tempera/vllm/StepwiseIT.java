package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.Logits;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Ties;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.Prompt;
import dev.tempera.processor.Dry;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import dev.tempera.processor.TypicalP;
import dev.tempera.samplemodel.SampleModel;
import dev.tempera.tokenizer.ModelTokenizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Processors that run here, over what a real server lists. */
class StepwiseIT {
    private static final String PROMPT = "<|im_start|>user\n请写一首关于春天的诗<|im_end|>\n<|im_start|>assistant\n";
    private static final int PAIRS = 400;
    private static final int CANDIDATES = 100;

    private static ModelTokenizer tokenizer;
    private static VllmEngine engine;

    @BeforeAll
    static void open() {
        tokenizer = ModelTokenizer.open(SampleModel.path());
        engine = VllmEngine.builder(RealVllm.shared().uri())
                .tokenizer(tokenizer)
                .allowStepwise(true)
                .concurrency(8)
                .open();
    }

    @AfterAll
    static void close() {
        engine.close();
        tokenizer.close();
    }

    private static GenerationRequest request(SamplingPipeline pipeline, Stepwise how, int tokens, long seed) {
        return GenerationRequest.builder()
                .prompt(new Prompt.Text(PROMPT))
                .pipeline(pipeline)
                .engineOptions(VllmOptions.builder().stepwise(how).build())
                .parameters(SamplingParameters.builder()
                        .maxTokens(tokens)
                        .seed(seed)
                        .ignoreEos(true)
                        .build())
                .build();
    }

    @Test
    void pairsOfTokensFollowThePipelineOneByOneAndAhead() {
        List<SamplingPipeline> pipelines = List.of(
                SamplingPipeline.of(new Temperature(0.9), new TypicalP(0.7, 1, Ties.KEEP_ALL), new TopK(12)),
                SamplingPipeline.of(
                        new TopK(20), new Dry(1), new PresencePenalty(1.5), new Temperature(0.7), new TopP(0.9, 1)));
        for (SamplingPipeline pipeline : pipelines) {
            Map<List<Integer>, Double> law = law(pipeline);
            for (int draft : new int[] {1, 2}) {
                Stepwise how = new Stepwise(CANDIDATES, draft, false);
                List<GenerationRequest> requests = new ArrayList<>();
                for (int seed = 0; seed < PAIRS; seed++) {
                    requests.add(request(pipeline, how, 2, 1000L * draft + seed));
                }
                Map<List<Integer>, Integer> counts = new HashMap<>();
                engine.generateAll(requests).forEach(result -> counts.merge(result.tokenIds(), 1, Integer::sum));
                double p = ChiSquare.pValue(counts, law);
                System.out.printf(Locale.ROOT, "pairs, draft %d: p = %.3f, %s%n", draft, p, pipeline);
                assertThat(p).as("draft %d, %s", draft, pipeline).isGreaterThan(1e-3);
            }
        }
    }

    private static Map<List<Integer>, Double> law(SamplingPipeline pipeline) {
        int[] prompt = tokenizer.encode(PROMPT);
        SequenceSampler start = pipeline.start(prompt, tokenizer.vocabulary(tokenizer.size()), 0);
        Map<List<Integer>, Double> law = new HashMap<>();
        next(start, prompt, List.of()).forEach((first, p) -> {
            SequenceSampler behind = start.fork(0);
            behind.accept(first);
            next(behind, prompt, List.of(first)).forEach((second, q) -> law.put(List.of(first, second), p * q));
        });
        return law;
    }

    private static Map<Integer, Double> next(SequenceSampler sampler, int[] prompt, List<Integer> generated) {
        List<Integer> text = new ArrayList<>();
        for (int id : prompt) {
            text.add(id);
        }
        text.addAll(generated);
        List<Logprobs.Token> top = new ArrayList<>(engine.generate(GenerationRequest.builder()
                        .prompt(new Prompt.Tokens(text))
                        .parameters(SamplingParameters.builder()
                                .maxTokens(1)
                                .temperature(0)
                                .build())
                        .logprobs(CANDIDATES)
                        .build())
                .logprobs()
                .positions()
                .get(0)
                .top());
        top.sort(Comparator.comparingInt(Logprobs.Token::tokenId));
        int[] ids = top.stream().mapToInt(Logprobs.Token::tokenId).toArray();
        float[] values = new float[ids.length];
        for (int i = 0; i < ids.length; i++) {
            values[i] = (float) top.get(i).value();
        }
        Logits shaped = sampler.distribution(Logits.ofCandidates(ids, values, tokenizer.size()));
        double logSum = shaped.logSumExp();
        Map<Integer, Double> probabilities = new HashMap<>();
        for (int i = 0; i < shaped.size(); i++) {
            probabilities.put(shaped.tokenId(i), Math.exp(shaped.get(i) - logSum));
        }
        return probabilities;
    }

    @Test
    void theModelEndsTheTextItself() {
        SamplingPipeline pipeline = SamplingPipeline.of(new Dry(1), new Temperature(0.7), new TopP(0.9, 1));
        GenerationResult result = engine.generate(GenerationRequest.builder()
                .prompt(new Prompt.Text(PROMPT))
                .pipeline(pipeline)
                .engineOptions(VllmOptions.builder()
                        .stepwise(Stepwise.DEFAULT.withDraft(8))
                        .build())
                .parameters(SamplingParameters.builder().maxTokens(400).seed(5).build())
                .build());
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(result.text()).isNotBlank().doesNotContain("<|");
    }

    /** Prints what docs/engine-vllm.md tells; no figure is asserted. */
    @Test
    void speed() {
        int tokens = 60;
        SamplingPipeline server = SamplingPipeline.of(new Temperature(0.8), new TopK(40), new TopP(0.9, 1));
        SamplingPipeline here = SamplingPipeline.of(new Dry(1), new Temperature(0.8), new TopK(40), new TopP(0.9, 1));
        for (int round = 0; round < 2; round++) {
            report("streamed by the server", request(server, Stepwise.DEFAULT, tokens, round));
            for (int draft : new int[] {1, 4, 8, 16}) {
                report("here, draft " + draft, request(here, new Stepwise(CANDIDATES, draft, false), tokens, round));
            }
            for (int k : new int[] {20, -1}) {
                report("here, draft 8, candidates " + k, request(here, new Stepwise(k, 8, false), tokens, round));
            }
        }
    }

    private static void report(String name, GenerationRequest request) {
        long start = System.nanoTime();
        GenerationResult result = engine.generate(request);
        double seconds = (System.nanoTime() - start) / 1e9;
        Map<String, Object> details = result.details();
        System.out.printf(
                Locale.ROOT,
                "%-32s %5.1f tokens/s, %s requests, kept %s of %s, unseen mass %.3f%n",
                name,
                result.tokenIds().size() / seconds,
                details.getOrDefault("stepwise_requests", 1),
                details.getOrDefault("stepwise_kept", "-"),
                details.getOrDefault("stepwise_drafted", "-"),
                (double) details.getOrDefault("stepwise_unseen_mass", 0.0)
                        / result.tokenIds().size());
    }
}
