package dev.tempera.djl;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.pytorch.jni.JniUtils;
import dev.tempera.Require;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Choices for {@link DjlEngine}; what is not chosen has a sensible default. Not thread-safe. */
public final class DjlEngineBuilder {
    private static final Pattern DEVICE = Pattern.compile("(cpu|gpu)(\\d{0,3})");

    private static final long SMALL_MODEL_BYTES = 100_000_000;

    private final Path folder;
    private @Nullable String device;
    private @Nullable Dtype dtype;
    private @Nullable Integer contextLength;
    private @Nullable Integer threads;
    private Duration unreadLimit = Duration.ofSeconds(60);

    DjlEngineBuilder(Path folder) {
        this.folder = folder;
    }

    /** {@code cpu}, {@code gpu} or {@code gpu1}; by default the first GPU if libtorch sees one, else the CPU. */
    public DjlEngineBuilder device(String name) {
        Require.that(DEVICE.matcher(name).matches(), "device", "be cpu, gpu, gpu0, gpu1, ...", "\"" + name + "\"");
        this.device = name;
        return this;
    }

    /** The type of the weights in memory; by default the one they are stored in. */
    public DjlEngineBuilder dtype(Dtype dtype) {
        this.dtype = dtype;
        return this;
    }

    /** How many tokens a prompt and its continuation may have together; by default what config.json allows. */
    public DjlEngineBuilder contextLength(int tokens) {
        Require.that(tokens >= 2, "context_length", "be at least 2", tokens);
        this.contextLength = tokens;
        return this;
    }

    /**
     * CPU threads for one operation. By default one for a model of less than 100 MB, whose operations are too small to
     * share, else libtorch's own choice, the number of cores. libtorch has one such number for the whole JVM.
     */
    public DjlEngineBuilder threads(int threads) {
        Require.that(threads >= 1, "threads", "be at least 1", threads);
        this.threads = threads;
        return this;
    }

    /** How long a stream whose queue is full may stay unread before it is given up; by default one minute. */
    public DjlEngineBuilder unreadLimit(Duration limit) {
        Require.that(!limit.isNegative() && !limit.isZero(), "unread_limit", "be positive", limit);
        this.unreadLimit = limit;
        return this;
    }

    /** Loads the model; see {@link DjlEngine#open}. */
    public DjlEngine open() {
        if (!Files.isDirectory(folder)) {
            throw new ModelFolderException("There is no model folder " + folder + ".");
        }
        Qwen2Config config = Qwen2Config.read(folder);
        Safetensors checkpoint = Safetensors.open(folder);
        Qwen2Weights.check(config, checkpoint);
        Dtype chosen = dtype != null ? dtype : Dtype.ofSafetensors(checkpoint.get("model.embed_tokens.weight"));
        ModelFolder model = ModelFolder.read(folder, config, chosen, contextLength(config));
        return open(config, checkpoint, model);
    }

    /** Takes the model over: frees its tokenizer if it fails. */
    DjlEngine open(Qwen2Config config, Safetensors checkpoint, ModelFolder model) {
        try {
            return load(config, checkpoint, model);
        } catch (RuntimeException | Error e) {
            model.tokenizer().close();
            throw e;
        }
    }

    private DjlEngine load(Qwen2Config config, Safetensors checkpoint, ModelFolder model) {
        TestedVersions.check();
        Device target = device();
        long bytes = Qwen2Weights.bytes(config, model.dtype());
        AvailableMemory.require(
                bytes + KvCache.bytes(config, model.contextLength(), model.dtype()),
                AvailableMemory.of(target),
                model,
                target);
        @Nullable
        Integer operationThreads = threads != null ? threads : bytes < SMALL_MODEL_BYTES ? Integer.valueOf(1) : null;
        var thread = new DecodeThread(
                "tempera-decode-" + model.name(),
                () -> {
                    if (operationThreads != null) {
                        JniUtils.setNumThreads(operationThreads);
                    }
                    return new Decoder(
                            config, WeightSource.of(checkpoint), model.dtype(), target, model.contextLength());
                },
                unreadLimit);
        thread.open();
        return new DjlEngine(
                model,
                thread,
                tokens -> AvailableMemory.requireNegativePrompt(
                        KvCache.bytes(config, tokens, model.dtype()),
                        AvailableMemory.of(target),
                        model.name(),
                        tokens));
    }

    private int contextLength(Qwen2Config config) {
        if (contextLength == null) {
            return config.maxPositionEmbeddings();
        }
        Require.that(
                contextLength <= config.maxPositionEmbeddings(),
                "context_length",
                "be at most max_position_embeddings of config.json, " + config.maxPositionEmbeddings(),
                contextLength);
        return contextLength;
    }

    private Device device() {
        int gpus = Engine.getEngine("PyTorch").getGpuCount();
        if (device == null) {
            return gpus > 0 ? Device.gpu() : Device.cpu();
        }
        Matcher name = DEVICE.matcher(device);
        if (!name.matches() || name.group(1).equals("cpu")) {
            return Device.cpu();
        }
        int number = name.group(2).isEmpty() ? 0 : Integer.parseInt(name.group(2));
        Require.that(
                number < gpus,
                "device",
                "be one that libtorch sees; it sees " + gpus + " GPUs (a GPU needs libtorch's CUDA build)",
                "\"" + device + "\"");
        return Device.gpu(number);
    }
}
