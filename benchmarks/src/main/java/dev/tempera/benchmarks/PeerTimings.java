package dev.tempera.benchmarks;

import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;

/**
 * Our part of {@code benchmarks/peers/run}: writes the logits that every peer reads, and times our chains on them.
 *
 * <pre>
 * PeerTimings write FOLDER VOCABULARY   FOLDER/flat.f32, FOLDER/peaked.f32: 16 vectors, float32, little-endian
 * PeerTimings time FOLDER STEPS         JSON lines: impl, chain, shape, vocab, median_us, p99_us
 * </pre>
 */
public final class PeerTimings {
    private static final int VECTORS = 16;
    private static final int WINDOW = 64;
    private static final long WARM_UP_NANOS = 1_000_000_000;

    private PeerTimings() {}

    public static void main(String[] args) throws IOException {
        Path folder = Path.of(args[1]);
        int number = Integer.parseInt(args[2]);
        for (ChainBenchmark.Shape shape : ChainBenchmark.Shape.values()) {
            Path file = folder.resolve(shape + ".f32");
            if (args[0].equals("write")) {
                write(file, shape, number);
            } else {
                time(shape, read(file), number);
            }
        }
    }

    private static void write(Path file, ChainBenchmark.Shape shape, int vocabulary) throws IOException {
        Random random = new Random(7);
        ByteBuffer bytes =
                ByteBuffer.allocate(VECTORS * vocabulary * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < VECTORS; i++) {
            for (float logit : shape.logits(vocabulary, random)) {
                bytes.putFloat(logit);
            }
        }
        Files.write(file, bytes.array());
    }

    private static float[][] read(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        float[][] inputs = new float[VECTORS][bytes.capacity() / Float.BYTES / VECTORS];
        for (float[] input : inputs) {
            for (int i = 0; i < input.length; i++) {
                input[i] = bytes.getFloat();
            }
        }
        return inputs;
    }

    private static void time(ChainBenchmark.Shape shape, float[][] inputs, int steps) {
        int vocabulary = inputs[0].length;
        float[] logits = new float[vocabulary];
        long[] nanos = new long[steps];
        timeCopy(inputs, logits, nanos); // warms up
        timeCopy(inputs, logits, nanos);
        print("copy", "copy", shape, vocabulary, nanos);
        for (ChainBenchmark.Chain chain : ChainBenchmark.Chain.values()) {
            int[] prompt = new Random(1).ints(WINDOW, 0, vocabulary).toArray();
            SequenceSampler sampler = chain.pipeline().start(prompt, Vocabulary.ofRows(vocabulary), 42);
            long warmUntil = System.nanoTime() + WARM_UP_NANOS;
            for (int i = 0; i < steps || System.nanoTime() < warmUntil; i++) {
                timeOne(sampler, inputs[i % VECTORS], logits);
            }
            for (int i = 0; i < steps; i++) {
                nanos[i] = timeOne(sampler, inputs[i % VECTORS], logits);
            }
            print("tempera", chain.name(), shape, vocabulary, nanos);
        }
    }

    private static long timeOne(SequenceSampler sampler, float[] input, float[] logits) {
        System.arraycopy(input, 0, logits, 0, logits.length);
        long start = System.nanoTime();
        sampler.sample(logits);
        return System.nanoTime() - start;
    }

    private static void timeCopy(float[][] inputs, float[] logits, long[] nanos) {
        for (int i = 0; i < nanos.length; i++) {
            long start = System.nanoTime();
            System.arraycopy(inputs[i % VECTORS], 0, logits, 0, logits.length);
            nanos[i] = System.nanoTime() - start;
        }
    }

    private static void print(
            String implementation, String chain, ChainBenchmark.Shape shape, int vocabulary, long[] nanos) {
        Arrays.sort(nanos);
        System.out.printf(
                Locale.ROOT,
                "{\"impl\":\"%s\",\"chain\":\"%s\",\"shape\":\"%s\",\"vocab\":%d,\"median_us\":%.1f,\"p99_us\":%.1f}%n",
                implementation,
                chain,
                shape,
                vocabulary,
                nanos[nanos.length / 2] / 1e3,
                nanos[nanos.length * 99 / 100] / 1e3);
    }
}
