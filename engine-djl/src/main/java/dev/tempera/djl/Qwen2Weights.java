package dev.tempera.djl;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The tensors of a Qwen2 checkpoint, by their names there and in the order in which {@code decoder.py} takes them:
 * first the embedding, the last norm and the LM head, then twelve tensors for every layer.
 */
final class Qwen2Weights {
    private Qwen2Weights() {}

    /** One tensor that the decoder needs. */
    record Weight(String name, List<Long> shape) {
        Weight(String name, long... shape) {
            this(name, Arrays.stream(shape).boxed().toList());
        }

        long elements() {
            return shape.stream().reduce(1L, (a, b) -> a * b);
        }
    }

    static List<List<Weight>> of(Qwen2Config config) {
        long hidden = config.hiddenSize();
        long vocab = config.vocabSize();
        var groups = new ArrayList<List<Weight>>();
        var embedTokens = new Weight("model.embed_tokens.weight", vocab, hidden);
        groups.add(List.of(
                embedTokens,
                new Weight("model.norm.weight", hidden),
                config.tieWordEmbeddings() ? embedTokens : new Weight("lm_head.weight", vocab, hidden)));
        for (int i = 0; i < config.numHiddenLayers(); i++) {
            groups.add(layer("model.layers." + i + ".", config));
        }
        return groups;
    }

    private static List<Weight> layer(String path, Qwen2Config config) {
        long hidden = config.hiddenSize();
        long intermediate = config.intermediateSize();
        long queries = (long) config.numAttentionHeads() * config.headDim();
        long keys = (long) config.numKeyValueHeads() * config.headDim();
        return List.of(
                new Weight(path + "input_layernorm.weight", hidden),
                new Weight(path + "self_attn.q_proj.weight", queries, hidden),
                new Weight(path + "self_attn.q_proj.bias", queries),
                new Weight(path + "self_attn.k_proj.weight", keys, hidden),
                new Weight(path + "self_attn.k_proj.bias", keys),
                new Weight(path + "self_attn.v_proj.weight", keys, hidden),
                new Weight(path + "self_attn.v_proj.bias", keys),
                new Weight(path + "self_attn.o_proj.weight", hidden, queries),
                new Weight(path + "post_attention_layernorm.weight", hidden),
                new Weight(path + "mlp.gate_proj.weight", intermediate, hidden),
                new Weight(path + "mlp.up_proj.weight", intermediate, hidden),
                new Weight(path + "mlp.down_proj.weight", hidden, intermediate));
    }

    /** Memory of all weights in bytes; a tied head counts once. */
    static long bytes(Qwen2Config config, Dtype dtype) {
        return of(config).stream()
                        .flatMap(List::stream)
                        .distinct()
                        .mapToLong(Weight::elements)
                        .sum()
                * dtype.bytes;
    }

    /** Checks that the checkpoint holds every tensor in the shape that config.json implies, in a type we read. */
    static void check(Qwen2Config config, Safetensors checkpoint) {
        for (List<Weight> group : of(config)) {
            for (Weight weight : group) {
                Safetensors.Entry entry = checkpoint.get(weight.name());
                if (!entry.shape().equals(weight.shape())) {
                    throw new ModelFolderException(weight.name() + ": expected shape " + weight.shape() + ", found "
                            + entry.shape() + " in " + entry.file().getFileName()
                            + ". Does config.json belong to these weights?");
                }
                Dtype.ofSafetensors(entry);
            }
        }
    }
}
