package dev.tempera.djl;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.pytorch.jni.JniUtils;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The tiny random model in the test resources and what transformers computed with it; see make_tiny_qwen2.py. */
final class TinyQwen2 {
    static final Path FOLDER = resource("tiny-qwen2");

    static final JsonNode GOLDEN = golden("tiny-qwen2/golden.json");
    static final int VOCABULARY = 300;

    private TinyQwen2() {}

    static JsonNode golden(String name) {
        return Json.readObject(resource(name));
    }

    private static Path resource(String name) {
        try {
            return Path.of(TinyQwen2.class.getResource(name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    static long[] prompt(int tokens) {
        long[] prompt = new long[tokens];
        for (int i = 0; i < tokens; i++) {
            prompt[i] = GOLDEN.path("prompt").get(i).asLong();
        }
        return prompt;
    }

    /** transformers' float32 logits, [positions, 300]. */
    static float[] logits(String name) {
        Safetensors.Entry entry =
                Safetensors.ofFile(FOLDER.resolve("golden.safetensors")).get(name);
        float[] logits = new float[(int) (entry.size() / 4)];
        entry.map().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(logits);
        return logits;
    }

    static Decoder decoder(Dtype dtype) {
        return decoder(FOLDER, dtype);
    }

    static Decoder decoder(Path folder, Dtype dtype) {
        Qwen2Config config = Qwen2Config.read(folder);
        Safetensors checkpoint = Safetensors.open(folder);
        Qwen2Weights.check(config, checkpoint);
        Engine.getEngine("PyTorch"); // loads libtorch
        JniUtils.setNumThreads(1); // the model is too small to share among threads
        return new Decoder(config, WeightSource.of(checkpoint), dtype, Device.cpu(), 1024);
    }

    static DjlEngineBuilder engine() {
        return engine(FOLDER);
    }

    static DjlEngineBuilder engine(Path folder) {
        return DjlEngine.builder(folder).threads(1);
    }

    /** A copy that a test may damage. */
    static Path copyTo(Path folder) {
        try (Stream<Path> files = Files.list(FOLDER)) {
            for (Path file : files.toList()) {
                if (!file.getFileName().toString().startsWith("golden")) {
                    Files.copy(file, folder.resolve(file.getFileName()));
                }
            }
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void replaceInConfig(Path folder, String oldText, String newText) {
        Path file = folder.resolve("config.json");
        try {
            String config = Files.readString(file);
            if (!config.contains(oldText)) {
                throw new IllegalArgumentException("config.json does not contain " + oldText);
            }
            Files.writeString(file, config.replace(oldText, newText));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
