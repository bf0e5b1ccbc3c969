package dev.tempera.djl;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.pytorch.jni.JniUtils;
import com.fasterxml.jackson.databind.JsonNode;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Prompt;
import dev.tempera.samplemodel.SampleModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A trained model against transformers; {@code sample-model/training/golden.py} makes the golden file and describes it. */
class SampleModelParityTest {
    private static final JsonNode GOLDEN = TinyQwen2.golden("sample-model/golden.json");

    /** Below this gap between the two highest logits another order of summation may choose the other token. */
    private static final double NEAR_TIE = 1e-4;

    @Test
    void goldenFile_isOfTheseWeights() throws Exception {
        byte[] weights = Files.readAllBytes(SampleModel.path().resolve("model.safetensors"));
        assertThat(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(weights)))
                .as("sample-model/golden.json was made from other weights: run sample-model/training/golden.py again")
                .isEqualTo(GOLDEN.path("weights_sha256").asText());
    }

    @Test
    void float32_logitsAtEveryPosition_equalTransformers() {
        try (Decoder decoder = decoder(Dtype.FLOAT32)) {
            for (JsonNode golden : GOLDEN.path("logits")) {
                for (int chunk : new int[] {1000, 64, 1}) {
                    assertThat(maxDifference(decoder, golden, chunk))
                            .as(
                                    "%d tokens in chunks of %d",
                                    golden.path("prompt_ids").size(), chunk)
                            .isLessThanOrEqualTo(1e-4);
                }
            }
        }
    }

    @Test
    void bfloat16_isAsCloseToFloat32AsTransformersTwice() {
        try (Decoder decoder = decoder(Dtype.BFLOAT16)) {
            for (JsonNode golden : GOLDEN.path("logits")) {
                assertThat(maxDifference(decoder, golden, 1000))
                        .as("%d tokens", golden.path("prompt_ids").size())
                        .isLessThanOrEqualTo(
                                2 * golden.path("bfloat16_max_difference").asDouble());
            }
        }
    }

    @Test
    void greedyChats_giveTransformersText() {
        var wrong = new ArrayList<String>();
        int compared = 0;
        try (DjlEngine engine = DjlEngine.builder(SampleModel.path())
                .dtype(Dtype.FLOAT32)
                .threads(1)
                .open()) {
            for (JsonNode golden : GOLDEN.path("greedy")) {
                GenerationResult result = engine.generate(GenerationRequest.of(
                        Prompt.chat(golden.path("prompt").asText()),
                        SamplingParameters.builder()
                                .temperature(0)
                                .maxTokens(128)
                                .build()));
                if (golden.path("smallest_gap").asDouble() < NEAR_TIE) {
                    continue;
                }
                compared++;
                if (!result.text().equals(golden.path("text").asText())
                        || !result.tokenIds().equals(ids(golden, "ids"))) {
                    wrong.add(golden.path("prompt") + ": " + result.text() + " instead of " + golden.path("text"));
                }
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(compared).isGreaterThanOrEqualTo(20);
    }

    private static Decoder decoder(Dtype dtype) {
        Path folder = SampleModel.path();
        Engine.getEngine("PyTorch"); // loads libtorch
        JniUtils.setNumThreads(1);
        return new Decoder(
                Qwen2Config.read(folder), WeightSource.of(Safetensors.open(folder)), dtype, Device.cpu(), 2048);
    }

    /** Over the logits in the golden file, their log-sum-exp, and the whole last row. */
    private static double maxDifference(Decoder decoder, JsonNode golden, int chunk) {
        int vocabulary = decoder.vocabSize();
        long[] prompt =
                ids(golden, "prompt_ids").stream().mapToLong(Integer::longValue).toArray();
        float[] logits = prefill(decoder, prompt, chunk);
        double max = 0;
        for (int position = 0; position < prompt.length; position++) {
            JsonNode expected = golden.path("positions").get(position);
            int row = position * vocabulary;
            for (int i = 0; i < expected.path("ids").size(); i++) {
                float actual = logits[row + expected.path("ids").get(i).asInt()];
                max = Math.max(
                        max, Math.abs(actual - expected.path("logits").get(i).asDouble()));
            }
            max = Math.max(
                    max,
                    Math.abs(logSumExp(logits, row, vocabulary)
                            - expected.path("log_sum_exp").asDouble()));
        }
        for (int id = 0; id < vocabulary; id++) {
            double expected = golden.path("last_row").get(id).asDouble();
            max = Math.max(max, Math.abs(logits[(prompt.length - 1) * vocabulary + id] - expected));
        }
        return max;
    }

    private static float[] prefill(Decoder decoder, long[] prompt, int chunk) {
        float[] all = new float[prompt.length * decoder.vocabSize()];
        try (var cache = new KvCache(decoder, 1, prompt.length)) {
            for (int from = 0; from < prompt.length; from += chunk) {
                int to = Math.min(from + chunk, prompt.length);
                float[] logits = new float[(to - from) * decoder.vocabSize()];
                decoder.forward(cache, Arrays.copyOfRange(prompt, from, to), 0, logits);
                System.arraycopy(logits, 0, all, from * decoder.vocabSize(), logits.length);
            }
        }
        return all;
    }

    private static double logSumExp(float[] logits, int from, int count) {
        double max = IntStream.range(from, from + count)
                .mapToDouble(i -> logits[i])
                .max()
                .orElseThrow();
        return max
                + Math.log(IntStream.range(from, from + count)
                        .mapToDouble(i -> Math.exp(logits[i] - max))
                        .sum());
    }

    private static List<Integer> ids(JsonNode golden, String field) {
        var ids = new ArrayList<Integer>();
        golden.path(field).forEach(id -> ids.add(id.asInt()));
        return ids;
    }
}
