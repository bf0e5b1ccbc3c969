package dev.tempera.vllm;

import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import dev.tempera.djl.DjlEngine;
import dev.tempera.djl.Dtype;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import dev.tempera.samplemodel.SampleModel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The sample model in this JVM, and what it would draw from if vLLM's rules were followed to the letter. */
final class LocalModel implements AutoCloseable {
    /** Of the model's generation_config.json. */
    static final int[] STOP_TOKENS = {2, 0};

    private final DjlEngine engine = DjlEngine.builder(SampleModel.path())
            .dtype(Dtype.FLOAT32)
            .threads(1)
            .open();
    private final Map<List<Integer>, float[]> logits = new HashMap<>();

    List<Integer> encode(String text) {
        List<Integer> ids = new ArrayList<>();
        for (int id : engine.tokenizer().encode(text)) {
            ids.add(id);
        }
        return ids;
    }

    DjlEngine engine() {
        return engine;
    }

    /** Of every row of the head; those that are no token are -inf. */
    float[] logits(List<Integer> text) {
        return logits.computeIfAbsent(text, this::compute).clone();
    }

    private float[] compute(List<Integer> text) {
        List<float[]> seen = new ArrayList<>();
        LogitsProcessor keep =
                (candidates, context) -> seen.add(candidates.values().clone());
        engine.generate(GenerationRequest.builder()
                .prompt(new Prompt.Tokens(text))
                .pipeline(SamplingPipeline.of(keep))
                .parameters(SamplingParameters.builder().maxTokens(1).build())
                .build());
        return seen.get(0);
    }

    /**
     * The probability of every token after a prompt and what was generated behind it.
     *
     * @param logits of all rows: vLLM draws those, too, that are no token
     */
    double[] distribution(
            SamplingParameters parameters, List<Integer> prompt, List<Integer> generated, float[] logits) {
        SequenceSampler sequence = parameters.toPipeline().start(ints(prompt), everyRow(logits.length), STOP_TOKENS, 0);
        generated.forEach(sequence::accept);
        Logits shaped = sequence.distribution(logits);
        double logSum = shaped.logSumExp();
        double[] probabilities = new double[logits.length];
        for (int i = 0; i < shaped.size(); i++) {
            probabilities[shaped.tokenId(i)] = Math.exp(shaped.get(i) - logSum);
        }
        return probabilities;
    }

    private Vocabulary everyRow(int rows) {
        return new Vocabulary() {
            @Override
            public int rows() {
                return rows;
            }

            @Override
            public boolean isToken(int tokenId) {
                return tokenId < rows;
            }

            @Override
            public int[] encode(String text) {
                return engine.tokenizer().encode(text);
            }
        };
    }

    private static int[] ints(List<Integer> ids) {
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    public void close() {
        engine.close();
    }
}
