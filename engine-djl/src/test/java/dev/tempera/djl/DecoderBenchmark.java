package dev.tempera.djl;

import ai.djl.Device;
import ai.djl.engine.Engine;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ShortBuffer;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * Loads random bfloat16 weights in the exact shape of a Qwen2.5 model and decodes with them: how fast the machine is,
 * without downloading a model. Started by {@code benchmarks/gpu/run}, whose README lists the options.
 */
final class DecoderBenchmark {
    private DecoderBenchmark() {}

    /** Published shapes, from the config.json of Qwen/Qwen2.5-*. */
    private static Qwen2Config shape(String name, int layers) {
        Qwen2Config full = switch (name) {
            case "0.5b" -> new Qwen2Config(151_936, 896, 4_864, 24, 14, 2, 64, 32_768, 1e-6, 1e6, true);
            case "1.5b" -> new Qwen2Config(151_936, 1_536, 8_960, 28, 12, 2, 128, 32_768, 1e-6, 1e6, true);
            case "7b" -> new Qwen2Config(152_064, 3_584, 18_944, 28, 28, 4, 128, 32_768, 1e-6, 1e6, false);
            default -> throw new IllegalArgumentException("--shape must be 0.5b, 1.5b or 7b, got \"" + name + "\"");
        };
        return layers == 0
                ? full
                : new Qwen2Config(
                        full.vocabSize(),
                        full.hiddenSize(),
                        full.intermediateSize(),
                        layers,
                        full.numAttentionHeads(),
                        full.numKeyValueHeads(),
                        full.headDim(),
                        full.maxPositionEmbeddings(),
                        full.rmsNormEps(),
                        full.ropeTheta(),
                        full.tieWordEmbeddings());
    }

    public static void main(String[] args) {
        Qwen2Config config = shape(option(args, "--shape", "7b"), Integer.parseInt(option(args, "--layers", "0")));
        Dtype dtype = Dtype.valueOf(option(args, "--dtype", "bfloat16").toUpperCase(Locale.ROOT));
        int prompt = Integer.parseInt(option(args, "--prompt", "128"));
        int steps = Integer.parseInt(option(args, "--tokens", "64"));
        int rows = Integer.parseInt(option(args, "--rows", "1"));

        TestedVersions.check();
        Device device = Device.fromName(option(args, "--device", "gpu0"), Engine.getEngine("PyTorch"));
        System.out.println(Engine.getEngine("PyTorch"));
        long bytes = Qwen2Weights.bytes(config, dtype);
        System.out.printf(
                Locale.ROOT,
                "device %s, free %.1f GB, weights %.2f GB%n",
                device,
                AvailableMemory.of(device) / 1e9,
                bytes / 1e9);
        AvailableMemory.require(
                bytes + rows * KvCache.bytes(config, prompt + steps, dtype),
                AvailableMemory.of(device),
                "this shape",
                dtype,
                prompt + steps,
                device);

        long start = System.nanoTime();
        try (var decoder = new Decoder(config, randomWeights(config), dtype, device, config.maxPositionEmbeddings())) {
            report("load", start, 1, "");
            float[] logits = new float[rows * config.vocabSize()];
            decode(decoder, rows, prompt, 8, logits, false); // warm-up
            decode(decoder, rows, prompt, steps, logits, true);
            require(Float.isFinite(logits[0]), "The logits are not numbers.");
        }
    }

    private static void decode(Decoder decoder, int rows, int prompt, int steps, float[] logits, boolean report) {
        long[] ids =
                new SplittableRandom(1).longs((long) rows * prompt, 0, 1000).toArray();
        long[] next = new long[rows];
        try (var cache = new KvCache(decoder, rows, prompt + steps)) {
            long start = System.nanoTime();
            decoder.forward(cache, ids, prompt - 1, logits);
            if (report) {
                report("prefill", start, rows * prompt, " tokens/s");
            }
            start = System.nanoTime();
            for (int step = 0; step < steps; step++) {
                Arrays.setAll(next, row -> argmax(logits, row * decoder.vocabSize(), decoder.vocabSize()));
                decoder.forward(cache, next, 0, logits);
            }
            if (report) {
                report("decode", start, rows * steps, " tokens/s");
            }
        }
    }

    private static void report(String what, long start, int count, String unit) {
        double seconds = (System.nanoTime() - start) / 1e9;
        System.out.printf(
                Locale.ROOT,
                "%s: %.2f s%s%n",
                what,
                seconds,
                unit.isEmpty() ? "" : String.format(Locale.ROOT, ", %.1f%s", count / seconds, unit));
    }

    /** One buffer of small random numbers, as large as the largest tensor, serves them all. */
    private static WeightSource randomWeights(Qwen2Config config) {
        long elements = (long) config.vocabSize() * config.hiddenSize();
        ByteBuffer bytes =
                ByteBuffer.allocateDirect(Math.toIntExact(2 * elements)).order(ByteOrder.nativeOrder());
        ShortBuffer values = bytes.asShortBuffer();
        var random = new SplittableRandom(20261123);
        for (int i = 0; i < elements; i++) {
            float value = (float) (random.nextInt(65536) - 32768) / 32768 / 16;
            values.put(i, (short) (Float.floatToRawIntBits(value) >>> 16));
        }
        return weight ->
                new WeightSource.Stored(bytes.slice(0, Math.toIntExact(2 * weight.elements())), Dtype.BFLOAT16);
    }

    private static int argmax(float[] values, int from, int count) {
        int best = from;
        for (int i = from; i < from + count; i++) {
            if (values[i] > values[best]) {
                best = i;
            }
        }
        return best - from;
    }

    private static String option(String[] args, String name, String absent) {
        for (int i = 0; i < args.length; i += 2) {
            require(
                    args[i].matches("--(shape|layers|dtype|prompt|tokens|rows|device)") && i + 1 < args.length,
                    "Options are --shape, --layers, --dtype, --prompt, --tokens, --rows and --device, each with a value; got "
                            + args[i]);
            if (args[i].equals(name)) {
                return args[i + 1];
            }
        }
        return absent;
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }
}
