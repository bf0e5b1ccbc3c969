package dev.tempera.testkit;

import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingContext;
import dev.tempera.SamplingParameters;
import dev.tempera.TokenHistory;
import dev.tempera.Vocabulary;
import dev.tempera.engine.ChatMessage;
import dev.tempera.engine.Generation;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.GenerationPlan;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.TokenStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;

/**
 * An engine whose logits come from a function instead of a model; everything after the logits is real: pipeline, draw,
 * stop conditions, text. For tests of what is built on engines, and the reference for {@link GenerationEngineContract}.
 * Computes when its stream is read, on the reader's thread. Its tokens are {@link ByteTokenizer}'s.
 */
public final class ScriptedEngine implements GenerationEngine {
    private static final int DEFAULT_CONTEXT = 512;

    private final ByteTokenizer tokenizer = new ByteTokenizer();
    private final Vocabulary vocabulary = tokenizer.vocabulary(tokenizer.size());
    private final Script script;
    private final int contextLength;
    private volatile boolean closed;

    /** Stands for a model. Called by every reader's thread. */
    @FunctionalInterface
    public interface Script {
        /** The logits of the next token, a new array of 258 numbers. */
        float[] logits(TokenHistory history);
    }

    /** @param contextLength how many tokens a prompt and its continuation may have together */
    public ScriptedEngine(Script script, int contextLength) {
        this.script = script;
        this.contextLength = contextLength;
    }

    /** Says one text, whatever the prompt and however it is sampled, and ends its turn. */
    public static ScriptedEngine saying(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        Script script = history -> {
            float[] logits = new float[ByteTokenizer.END_OF_TURN + 1];
            Arrays.fill(logits, -1000);
            int step = history.generatedSize();
            logits[step < bytes.length ? bytes[step] & 0xff : ByteTokenizer.END_OF_TURN] = 0;
            return logits;
        };
        return new ScriptedEngine(script, Math.max(DEFAULT_CONTEXT, 2 * bytes.length + DEFAULT_CONTEXT));
    }

    /** Says Latin letters, spaces and Chinese characters without end, more or less likely after what went before. */
    public static ScriptedEngine babbling() {
        return new ScriptedEngine(ScriptedEngine::babble, DEFAULT_CONTEXT);
    }

    private static float[] babble(TokenHistory history) {
        float[] logits = new float[ByteTokenizer.END_OF_TURN + 1];
        Arrays.fill(logits, Float.NEGATIVE_INFINITY);
        int last = history.get(history.size() - 1);
        int before = history.size() < 2 ? 0 : history.get(history.size() - 2);
        boolean afterLead = isLead(last);
        if (afterLead || isContinuation(last) && isLead(before)) {
            allow(logits, 0x80, 0xBF, last, before);
        } else {
            allow(logits, 'a', 'z', last, before);
            allow(logits, ' ', ' ', last, before);
            allow(logits, 0xE4, 0xE9, last, before);
        }
        return logits;
    }

    private static boolean isLead(int tokenId) {
        return tokenId >= 0xE4 && tokenId <= 0xE9;
    }

    private static boolean isContinuation(int tokenId) {
        return tokenId >= 0x80 && tokenId <= 0xBF;
    }

    private static void allow(float[] logits, int from, int to, int last, int before) {
        for (int id = from; id <= to; id++) {
            int mixed = (id * 0x9E3779B9 ^ last * 0x85EBCA6B ^ before * 0xC2B2AE35) * 0x27D4EB2F;
            logits[id] = (mixed >>> 8) * 0x1p-24f * 6;
        }
    }

    public ByteTokenizer tokenizer() {
        return tokenizer;
    }

    public int contextLength() {
        return contextLength;
    }

    @Override
    public String model() {
        return "scripted";
    }

    @Override
    public GenerationPlan plan(GenerationRequest request) {
        return GenerationPlan.local(request, Set.of(SamplingContext.NEGATIVE));
    }

    @Override
    public TokenStream stream(GenerationRequest request) {
        if (closed) {
            throw new IllegalStateException("the engine is closed");
        }
        GenerationPlan plan = plan(request);
        plan.requireRunnable();
        int[] prompt = encode("the prompt", request.prompt());
        Prompt negativePrompt = request.negativePrompt();
        int[] negative = negativePrompt == null
                ? new int[] {prompt[prompt.length - 1]}
                : encode("the negative prompt", negativePrompt);
        SamplingParameters asked = request.parameters();
        Long given = asked.seed();
        long seed = given != null ? given : ThreadLocalRandom.current().nextLong(1L << 53);
        Set<Integer> stopTokenIds = new TreeSet<>(asked.stopTokenIds());
        if (!Boolean.TRUE.equals(asked.ignoreEos())) {
            stopTokenIds.add(ByteTokenizer.END_OF_TURN);
        }
        int room = contextLength - Math.max(prompt.length, request.isGuided() ? negative.length : 0);
        Integer maxTokens = asked.maxTokens();
        int[] stops = stopTokenIds.stream().mapToInt(Integer::intValue).toArray();
        return new ScriptedStream(
                script,
                request.pipeline().start(prompt, vocabulary, stops, seed),
                tokenizer.decoder(),
                new Generation.Settings(
                        request,
                        plan,
                        asked.toBuilder().seed(seed).build(),
                        prompt.length,
                        stopTokenIds,
                        maxTokens == null ? room : Math.min(room, maxTokens),
                        model()),
                request.isGuided() ? negative : new int[0],
                () -> closed);
    }

    private int[] encode(String name, Prompt prompt) {
        int[] ids;
        if (prompt instanceof Prompt.Text text) {
            ids = tokenizer.encode(text.text());
        } else if (prompt instanceof Prompt.Chat chat) {
            ids = tokenizer.encode(chatMl(chat.messages()));
        } else {
            ids = ((Prompt.Tokens) prompt)
                    .tokenIds().stream().mapToInt(Integer::intValue).toArray();
        }
        if (ids.length == 0) {
            throw new InvalidParametersException(name + " must have at least one token, got none");
        }
        if (ids.length >= contextLength) {
            throw new InvalidParametersException(name + " has " + ids.length + " tokens, but the context holds "
                    + contextLength + " with at least one for the answer; shorten the prompt");
        }
        for (int id : ids) {
            if (!vocabulary.isToken(id)) {
                throw new InvalidParametersException(
                        name + " has token id " + id + ", but there are ids 0 to " + (tokenizer.size() - 1));
            }
        }
        return ids;
    }

    private static String chatMl(List<ChatMessage> messages) {
        if (messages.isEmpty()) {
            return "";
        }
        StringBuilder text = new StringBuilder();
        for (ChatMessage message : messages) {
            text.append("<|im_start|>").append(message.role()).append('\n');
            text.append(message.content()).append("<|im_end|>\n");
        }
        return text.append("<|im_start|>assistant\n").toString();
    }

    @Override
    public void close() {
        closed = true;
    }
}
