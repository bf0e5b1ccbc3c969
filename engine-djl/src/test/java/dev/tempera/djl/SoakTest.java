package dev.tempera.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Native memory is outside the garbage collector's sight: what a step forgets to free is lost for good. */
class SoakTest {
    @Test
    void thousandSteps_leaveNoNativeArrayBehind() {
        try (Decoder decoder = TinyQwen2.decoder(Dtype.FLOAT32)) {
            generate(decoder, 10);
            int tracked = decoder.trackedArrays();
            generate(decoder, 1000);
            assertThat(decoder.trackedArrays()).isEqualTo(tracked);
        }
    }

    @Test
    void cachesMadeAndFreed_doNotGrowTheProcess() throws IOException {
        Path status = Path.of("/proc/self/status");
        assumeThat(status).exists();
        try (Decoder decoder = TinyQwen2.decoder(Dtype.FLOAT32)) {
            long[] prompt = TinyQwen2.prompt(7);
            for (int i = 0; i < 50; i++) {
                useCache(decoder, prompt);
            }
            long before = residentBytes(status);
            for (int i = 0; i < 300; i++) {
                useCache(decoder, prompt); // 2 MB each with its copy: 600 MB if they were kept
            }
            assertThat(residentBytes(status) - before).isLessThan(100L << 20);
        }
    }

    private static void generate(Decoder decoder, int steps) {
        float[] logits = new float[TinyQwen2.VOCABULARY];
        try (var cache = new KvCache(decoder, 1, 8)) {
            for (int step = 0; step < steps; step++) {
                decoder.forward(cache, new long[] {step % 256}, 0, logits);
            }
        }
    }

    private static void useCache(Decoder decoder, long[] prompt) {
        try (var cache = new KvCache(decoder, 1, 1024)) {
            decoder.forward(cache, prompt, prompt.length, new float[0]);
            cache.selectRows(0, 0, 0, 0, 0, 0, 0);
        }
    }

    private static long residentBytes(Path status) throws IOException {
        for (String line : Files.readAllLines(status)) {
            if (line.startsWith("VmRSS:")) {
                return 1024 * Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        throw new IllegalStateException("no VmRSS in " + status);
    }
}
