package dev.tempera.djl;

import dev.tempera.SamplingContext;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationPlan;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.TokenStream;
import dev.tempera.engine.Tokenizer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntConsumer;

/**
 * Runs a Qwen2 or Qwen2.5 model inside this JVM, on DJL's libtorch. Every processor runs on the full logits.
 *
 * <pre>{@code
 * try (DjlEngine engine = DjlEngine.open(Path.of("Qwen2.5-0.5B-Instruct"))) {
 *     GenerationRequest request = GenerationRequest.of(Prompt.chat("Hello"), parameters);
 *     try (TokenStream stream = engine.stream(request)) {
 *         while (stream.hasNext()) {
 *             System.out.print(stream.next().text());
 *         }
 *     }
 * }
 * }</pre>
 *
 * <p>A generation ends at the ids that {@code generation_config.json} names, at the caller's stop tokens and strings, at
 * {@code max_tokens}, or when the context is full. That file's sampling values serve only those who ask for
 * {@link #generationDefaults}.
 *
 * <p>Thread-safe. One thread that the engine owns does all the computing and gives every generation a step in turn. A
 * stream that is not read pauses, and is given up after a while ({@link DjlEngineBuilder#unreadLimit}). {@link #close}
 * waits for the step that runs and frees the model's memory; so does the exit of the JVM.
 */
public final class DjlEngine implements GenerationEngine {
    /** Chunks that wait for a reader before its generation pauses. */
    private static final int QUEUE = 64;

    /** Rows that are decoded together at most: each has a KV cache. */
    private static final int MAX_ROWS = 16;

    private final ModelFolder model;
    private final DecodeThread thread;
    private final IntConsumer negativePromptCheck;
    private final Thread shutdownHook;

    /** @param negativePromptCheck refuses a negative prompt when so many tokens more do not fit into memory */
    DjlEngine(ModelFolder model, DecodeThread thread, IntConsumer negativePromptCheck) {
        this.model = model;
        this.thread = thread;
        this.negativePromptCheck = negativePromptCheck;
        // The JVM crashes if it exits in the middle of native code: Ctrl-C waits for the step that runs, but not for
        // ever,
        // since that step's listener may be what called System.exit.
        shutdownHook = new Thread(() -> thread.close(Duration.ofSeconds(30)), "tempera-shutdown");
        Runtime.getRuntime().addShutdownHook(shutdownHook);
    }

    /**
     * Loads a model folder in Hugging Face's layout: {@code config.json}, {@code tokenizer.json},
     * {@code tokenizer_config.json}, and {@code model.safetensors} or its shards.
     *
     * @throws ModelFolderException if the folder cannot be used, or the memory does not suffice
     * @throws EngineSetupException if DJL or libtorch is missing or not the version that was tested
     */
    public static DjlEngine open(Path modelFolder) {
        return builder(modelFolder).open();
    }

    /** For a choice of device, data type, context length or threads. */
    public static DjlEngineBuilder builder(Path modelFolder) {
        return new DjlEngineBuilder(modelFolder);
    }

    @Override
    public String model() {
        return model.name();
    }

    public Tokenizer tokenizer() {
        return model.tokenizer();
    }

    /** How many tokens a prompt and its continuation may have together. */
    public int contextLength() {
        return model.contextLength();
    }

    /** The type of the weights in memory. */
    public Dtype dtype() {
        return model.dtype();
    }

    /** The sampling that {@code generation_config.json} recommends; the engine does not use it by itself. */
    public SamplingParameters generationDefaults() {
        return model.generationConfig().defaults();
    }

    @Override
    public GenerationPlan plan(GenerationRequest request) {
        return GenerationPlan.local(request, Set.of(SamplingContext.NEGATIVE));
    }

    @Override
    public TokenStream stream(GenerationRequest request) {
        thread.requireOpen();
        GenerationPlan plan = plan(request);
        plan.requireRunnable();
        List<int[]> prompts = encodePrompts(request);
        var stream = new QueuedStream(QUEUE, thread);
        thread.submit(new SequenceGroup(prompts, List.of(model.sequence(request, plan, prompts, stream))));
        return stream;
    }

    private List<int[]> encodePrompts(GenerationRequest request) {
        List<int[]> prompts = model.encodePrompts(request);
        if (prompts.size() > 1) {
            negativePromptCheck.accept(prompts.get(1).length + model.maxTokens(request, prompts));
        }
        return prompts;
    }

    /**
     * Requests with one and the same prompt (and negative prompt, if any) are decoded together: a sweep over temperatures reads the weights once per
     * step for all of them. Logits of a batch agree with those of one row to rounding, so a text may part at a near-tie.
     */
    @Override
    public List<GenerationResult> generateAll(List<GenerationRequest> requests) {
        thread.requireOpen();
        var streams = new ArrayList<QueuedStream>();
        Map<List<List<Integer>>, List<Sequence>> byPrompts = new LinkedHashMap<>();
        for (GenerationRequest request : requests) {
            GenerationPlan plan = plan(request);
            plan.requireRunnable();
            List<int[]> prompts = encodePrompts(request);
            var stream = new QueuedStream(Integer.MAX_VALUE, thread);
            streams.add(stream);
            List<List<Integer>> key = prompts.stream()
                    .map(ids -> Arrays.stream(ids).boxed().toList())
                    .toList();
            byPrompts
                    .computeIfAbsent(key, unused -> new ArrayList<>())
                    .add(model.sequence(request, plan, prompts, stream));
        }
        try {
            byPrompts.forEach((key, rows) -> {
                List<int[]> prompts = key.stream()
                        .map(ids -> ids.stream().mapToInt(Integer::intValue).toArray())
                        .toList();
                for (List<Sequence> group : groups(rows)) {
                    thread.submit(new SequenceGroup(prompts, group));
                }
            });
            return streams.stream().map(QueuedStream::result).toList();
        } finally {
            streams.forEach(QueuedStream::close); // after a failure the others are of no use
        }
    }

    /** Rows that stay in step, and alone those that may take tokens back. */
    private static List<List<Sequence>> groups(List<Sequence> sequences) {
        var groups = new ArrayList<List<Sequence>>();
        var together = new ArrayList<Sequence>();
        for (Sequence sequence : sequences) {
            if (sequence.mayRewind()) {
                groups.add(List.of(sequence));
            } else {
                together.add(sequence);
            }
        }
        for (int from = 0; from < together.size(); from += MAX_ROWS) {
            groups.add(together.subList(from, Math.min(from + MAX_ROWS, together.size())));
        }
        return groups;
    }

    @Override
    public void close() {
        thread.close();
        model.tokenizer().close();
        try {
            Runtime.getRuntime().removeShutdownHook(shutdownHook);
        } catch (IllegalStateException e) {
            // The JVM is on its way out already.
        }
    }
}
