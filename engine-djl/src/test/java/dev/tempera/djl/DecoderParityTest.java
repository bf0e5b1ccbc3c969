package dev.tempera.djl;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The decoder against transformers, on the tiny model: the same numbers, whatever way the prompt goes in. */
class DecoderParityTest {
    private static final int VOCABULARY = TinyQwen2.VOCABULARY;
    private static final double FLOAT32_TOLERANCE = 1e-4;

    private static Decoder decoder;

    @BeforeAll
    static void load() {
        decoder = TinyQwen2.decoder(Dtype.FLOAT32);
    }

    @AfterAll
    static void close() {
        decoder.close();
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "7, 7", "7, 1", "7, 3", "200, 200", "200, 64", "200, 1", "200, 199"})
    void prefill_inOnePieceOrInChunks_equalsTransformersAtEveryPosition(int promptTokens, int chunk) {
        float[] logits = prefill(decoder, TinyQwen2.prompt(promptTokens), chunk);

        assertThat(maxDifference(logits, TinyQwen2.logits("logits"))).isLessThanOrEqualTo(FLOAT32_TOLERANCE);
    }

    @Test
    void decode_greedy_givesTransformersTokens() {
        long[] prompt = TinyQwen2.prompt(7);
        long[] generated = new long[64];
        float[] logits = new float[VOCABULARY];
        try (var cache = new KvCache(decoder, 1, 8)) {
            decoder.forward(cache, prompt, prompt.length - 1, logits);
            for (int i = 0; i < generated.length; i++) {
                generated[i] = argmax(logits);
                decoder.forward(cache, new long[] {generated[i]}, 0, logits);
            }
        }
        JsonNode golden = TinyQwen2.GOLDEN.path("greedy_from_first_7");
        assertThat(generated).hasSize(golden.size());
        for (int i = 0; i < generated.length; i++) {
            assertThat(generated[i]).as("token %d", i).isEqualTo(golden.get(i).asLong());
        }
    }

    @Test
    void decode_rowsOfDifferentTokens_equalTheSameRowsAlone() {
        long[] prompt = TinyQwen2.prompt(20);
        long[][] continuations = {{10, 11, 12}, {200, 3, 77}, {10, 99, 98}};
        float[] together = new float[3 * VOCABULARY];
        try (var cache = new KvCache(decoder, 1, 32)) {
            decoder.forward(cache, prompt, prompt.length, new float[0]);
            cache.selectRows(0, 0, 0);
            for (int step = 0; step < 3; step++) {
                long[] ids = {continuations[0][step], continuations[1][step], continuations[2][step]};
                decoder.forward(cache, ids, 0, together);
            }
        }
        for (int row = 0; row < 3; row++) {
            long[] whole = Arrays.copyOf(prompt, 23);
            System.arraycopy(continuations[row], 0, whole, 20, 3);
            float[] alone = prefill(decoder, whole, 23);
            assertThat(maxDifference(
                            Arrays.copyOfRange(together, row * VOCABULARY, (row + 1) * VOCABULARY),
                            Arrays.copyOfRange(alone, 22 * VOCABULARY, 23 * VOCABULARY)))
                    .as("row %d", row)
                    .isLessThanOrEqualTo(FLOAT32_TOLERANCE);
        }
    }

    @Test
    void selectRows_afterRowsParted_keepsEachRowsPast() {
        long[] rows = {5, 6, 7, 8, 50, 60, 70, 80}; // two prompts of four tokens
        float[] kept = new float[VOCABULARY];
        float[] alone = new float[VOCABULARY];
        try (var cache = new KvCache(decoder, 2, 8);
                var single = new KvCache(decoder, 1, 8)) {
            decoder.forward(cache, rows, 4, new float[0]);
            cache.selectRows(1);
            decoder.forward(cache, new long[] {9}, 0, kept);
            decoder.forward(single, new long[] {50, 60, 70, 80, 9}, 4, alone);
        }
        assertThat(maxDifference(kept, alone)).isLessThanOrEqualTo(FLOAT32_TOLERANCE);
    }

    @Test
    void cache_grownBeyondItsFirstStep_changesNothing() {
        long[] prompt = new long[600];
        for (int i = 0; i < prompt.length; i++) {
            prompt[i] = (i * 37L) % 256;
        }
        float[] whole = prefill(decoder, prompt, 600);
        float[] grown = prefill(decoder, prompt, 100); // 256 places, then 512, then 1,024
        assertThat(maxDifference(grown, whole)).isLessThanOrEqualTo(FLOAT32_TOLERANCE);
    }

    @Test
    void bfloat16_isAsCloseToFloat32AsTransformersTwice() {
        float[] logits;
        try (Decoder bfloat16 = TinyQwen2.decoder(Dtype.BFLOAT16)) {
            logits = prefill(bfloat16, TinyQwen2.prompt(200), 200);
        }
        float[] golden = TinyQwen2.logits("logits");
        assertThat(maxDifference(logits, golden))
                .isLessThanOrEqualTo(
                        2 * TinyQwen2.GOLDEN.path("bfloat16_max_abs_difference").asDouble());
        assertThat(meanDifference(logits, golden))
                .isLessThanOrEqualTo(2
                        * TinyQwen2.GOLDEN.path("bfloat16_mean_abs_difference").asDouble())
                .isGreaterThan(1e-4); // else it was float32 all along
    }

    @Test
    void float16_isCloseToFloat32() {
        try (Decoder float16 = TinyQwen2.decoder(Dtype.FLOAT16)) {
            float[] logits = prefill(float16, TinyQwen2.prompt(7), 7);
            assertThat(maxDifference(logits, TinyQwen2.logits("logits"))).isBetween(1e-5, 0.05);
        }
    }

    @Test
    void tiedHead_usesTheEmbedding(@TempDir Path folder) {
        TinyQwen2.copyTo(folder);
        TinyQwen2.replaceInConfig(folder, "\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
        try (Decoder tied = TinyQwen2.decoder(folder, Dtype.FLOAT32)) {
            float[] logits = prefill(tied, TinyQwen2.prompt(7), 7);
            assertThat(maxDifference(logits, TinyQwen2.logits("tied_logits"))).isLessThanOrEqualTo(FLOAT32_TOLERANCE);
        }
    }

    @Test
    void shards_giveTheSameModel(@TempDir Path folder) throws IOException {
        TinyQwen2.copyTo(folder);
        Files.delete(folder.resolve("model.safetensors"));
        writeTwoShards(folder);
        try (Decoder sharded = TinyQwen2.decoder(folder, Dtype.FLOAT32)) {
            float[] logits = prefill(sharded, TinyQwen2.prompt(7), 7);
            assertThat(maxDifference(logits, TinyQwen2.logits("logits"))).isLessThanOrEqualTo(FLOAT32_TOLERANCE);
        }
    }

    private static void writeTwoShards(Path folder) throws IOException {
        Safetensors checkpoint = Safetensors.open(TinyQwen2.FOLDER);
        List<String> names = Qwen2Weights.of(Qwen2Config.read(folder)).stream()
                .flatMap(List::stream)
                .map(Qwen2Weights.Weight::name)
                .toList();
        var index = new ArrayList<String>();
        for (int shard = 0; shard < 2; shard++) {
            String fileName = "model-0000" + (shard + 1) + "-of-00002.safetensors";
            var header = new ArrayList<String>();
            ByteBuffer data = ByteBuffer.allocate(1 << 20);
            for (int i = shard; i < names.size(); i += 2) {
                Safetensors.Entry entry = checkpoint.get(names.get(i));
                header.add("\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                        .formatted(
                                entry.name(),
                                entry.dtype(),
                                entry.shape(),
                                data.position(),
                                data.position() + entry.size()));
                data.put(entry.map());
                index.add("\"%s\":\"%s\"".formatted(entry.name(), fileName));
            }
            Files.write(
                    folder.resolve(fileName), SafetensorsTest.file("{" + String.join(",", header) + "}", data.flip()));
        }
        Files.writeString(
                folder.resolve("model.safetensors.index.json"), "{\"weight_map\":{" + String.join(",", index) + "}}");
    }

    /** Logits of every position, [tokens, 300]. */
    private static float[] prefill(Decoder decoder, long[] prompt, int chunk) {
        float[] all = new float[prompt.length * VOCABULARY];
        try (var cache = new KvCache(decoder, 1, chunk)) {
            for (int from = 0; from < prompt.length; from += chunk) {
                int to = Math.min(from + chunk, prompt.length);
                float[] logits = new float[(to - from) * VOCABULARY];
                decoder.forward(cache, Arrays.copyOfRange(prompt, from, to), 0, logits);
                System.arraycopy(logits, 0, all, from * VOCABULARY, logits.length);
            }
        }
        return all;
    }

    private static double maxDifference(float[] actual, float[] expected) {
        double max = 0;
        for (int i = 0; i < actual.length; i++) {
            max = Math.max(max, Math.abs((double) actual[i] - expected[i])); // NaN stays
        }
        return max;
    }

    private static double meanDifference(float[] actual, float[] expected) {
        double sum = 0;
        for (int i = 0; i < actual.length; i++) {
            sum += Math.abs((double) actual[i] - expected[i]);
        }
        return sum / actual.length;
    }

    private static int argmax(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            if (logits[i] > logits[best]) {
                best = i;
            }
        }
        return best;
    }
}
