package dev.tempera.djl;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;

/**
 * A Qwen2 model in libtorch's memory and the calls that run it. The arithmetic is in {@code decoder.py}.
 *
 * <p>Every method, the constructor included, must be called by one and the same thread: libtorch keeps its thread pool
 * and the executor's switch per calling thread.
 */
class Decoder implements AutoCloseable {
    private final Qwen2Config config;
    private final int contextLength;
    private final Model model; // its finalizer frees the block
    private final PtSymbolBlock block;
    private final PtNDManager manager;
    private final IValue weights;

    Decoder(Qwen2Config config, WeightSource source, Dtype dtype, Device device, int contextLength) {
        this.config = config;
        this.contextLength = contextLength;
        model = Model.newInstance("decoder", device, "PyTorch"); // loads libtorch
        JniUtils.setGradMode(false);
        JniUtils.setGraphExecutorOptimize(false); // it would recompile for every new length
        try {
            model.load(new ByteArrayInputStream(archive(config)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (MalformedModelException e) {
            throw new IllegalStateException("libtorch refuses decoder.py", e);
        }
        block = (PtSymbolBlock) model.getBlock();
        manager = (PtNDManager) NDManager.newBaseManager(device, "PyTorch");
        try {
            weights = load(source, dtype);
        } catch (RuntimeException e) {
            manager.close();
            model.close();
            throw e;
        }
    }

    private static byte[] archive(Qwen2Config config) throws IOException {
        var attributes = new LinkedHashMap<String, Object>();
        attributes.put("training", false);
        attributes.put("num_attention_heads", config.numAttentionHeads());
        attributes.put("num_key_value_heads", config.numKeyValueHeads());
        attributes.put("head_dim", config.headDim());
        attributes.put("rms_norm_eps", config.rmsNormEps());
        attributes.put("rope_theta", config.ropeTheta());
        try (InputStream code = Objects.requireNonNull(Decoder.class.getResourceAsStream("decoder.py"))) {
            return TorchScriptArchive.compose(
                    "Decoder", new String(code.readAllBytes(), StandardCharsets.UTF_8), attributes);
        }
    }

    /** All weights as one list of lists, made once: passing it again costs nothing, making it 50 microseconds. */
    private IValue load(WeightSource source, Dtype dtype) {
        var loaded = new LinkedHashMap<String, IValue>();
        var groups = new ArrayList<IValue>();
        try {
            for (List<Qwen2Weights.Weight> group : Qwen2Weights.of(config)) {
                for (Qwen2Weights.Weight weight : group) {
                    if (!loaded.containsKey(weight.name())) {
                        loaded.put(weight.name(), load(source.get(weight), weight, dtype));
                    }
                }
                groups.add(IValue.listFrom(
                        group.stream().map(weight -> loaded.get(weight.name())).toArray(IValue[]::new)));
            }
            return IValue.listFrom(groups.toArray(IValue[]::new));
        } finally {
            groups.forEach(IValue::close);
            loaded.values().forEach(IValue::close);
        }
    }

    private IValue load(WeightSource.Stored stored, Qwen2Weights.Weight weight, Dtype dtype) {
        long[] shape = weight.shape().stream().mapToLong(Long::longValue).toArray();
        shape[shape.length - 1] *= stored.dtype().bytes;
        try (PtNDArray bytes = manager.create(stored.bytes(), new Shape(shape), DataType.UINT8);
                IValue data = IValue.from(bytes);
                IValue from = IValue.from(stored.dtype().scalarType);
                IValue to = IValue.from(dtype.scalarType)) {
            return IValueUtils.runMethod(block, "load_tensor", data, from, to);
        }
    }

    int contextLength() {
        return contextLength;
    }

    int vocabSize() {
        return config.vocabSize();
    }

    /**
     * Runs {@code tokenIds} through the model behind what {@code cache} holds, and adds them to it.
     *
     * @param tokenIds row after row, the same number of tokens for each of the cache's rows
     * @param logitsFrom the first position of the call whose logits are wanted; the number of tokens for none
     * @param logits receives [rows, positions asked for, vocabSize], row after row
     */
    void forward(KvCache cache, long[] tokenIds, int logitsFrom, float[] logits) {
        int tokens = tokenIds.length / cache.rows();
        cache.reserve(tokens);
        try (IValue ids = IValue.listFrom(tokenIds);
                IValue rows = IValue.from(cache.rows());
                IValue start = IValue.from(cache.length());
                IValue from = IValue.from(logitsFrom);
                IValue result =
                        IValueUtils.runMethod(block, "forward", weights, cache.tensors(), ids, rows, start, from)) {
            cache.advance(tokens);
            if (logitsFrom < tokens) {
                try (PtNDArray array = result.toTensor(manager)) {
                    // A view of native memory that dies with the array: copied before that.
                    array.toByteBuffer(true)
                            .asFloatBuffer()
                            .get(logits, 0, cache.rows() * (tokens - logitsFrom) * vocabSize());
                }
            }
        }
    }

    IValue newCacheTensors(int rows, int capacity) {
        try (IValue batch = IValue.from(rows);
                IValue length = IValue.from(capacity)) {
            return IValueUtils.runMethod(block, "new_cache", weights, batch, length);
        }
    }

    IValue copyCacheTensors(IValue tensors, int[] rows, int length, int capacity) {
        long[] selected = new long[rows.length];
        for (int i = 0; i < rows.length; i++) {
            selected[i] = rows[i];
        }
        try (IValue kept = IValue.listFrom(selected);
                IValue filled = IValue.from(length);
                IValue size = IValue.from(capacity)) {
            return IValueUtils.runMethod(block, "copy_cache", tensors, kept, filled, size);
        }
    }

    /** How many native arrays DJL still tracks: a steady figure means that steps leave nothing behind. */
    int trackedArrays() {
        return manager.getManagedArrays().size();
    }

    @Override
    public void close() {
        weights.close();
        manager.close();
        model.close();
    }
}
