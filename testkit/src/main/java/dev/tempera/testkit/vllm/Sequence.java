package dev.tempera.testkit.vllm;

import dev.tempera.Logits;
import dev.tempera.RepetitionDetection;
import dev.tempera.SamplingParameters;
import dev.tempera.SequenceSampler;
import dev.tempera.engine.TokenDecoder;
import dev.tempera.testkit.ByteTokenizer;
import dev.tempera.testkit.ScriptedEngine;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One choice of an answer, token by token, with vLLM's own rules of text: stop strings hold back their length less one,
 * a character that is not finished at the end is dropped. Written apart from {@link dev.tempera.engine.Generation}, so
 * that each can test the other. Belongs to one thread.
 */
final class Sequence {
    /**
     * @param stopTokenIds that end it, the end of the turn included unless it is ignored
     * @param maxTokens at least 1
     */
    record Settings(
            ScriptedEngine.Script script,
            ByteTokenizer tokenizer,
            Set<Integer> stopTokenIds,
            int maxTokens,
            FakeVllm.LogprobsMode mode,
            @Nullable Integer logprobs,
            List<Integer> logprobTokenIds,
            boolean specialTokens) {}

    /** What has come since it was last asked. */
    record Delta(
            int index,
            String text,
            List<Integer> tokenIds,
            @Nullable List<TokenLogprobs> logprobs,
            @Nullable String finishReason,
            @Nullable Object stopReason) {}

    final int index;
    final int[] prompt;
    private final Settings settings;
    private final SequenceSampler sampler;
    private final SamplingParameters parameters;
    private final TokenDecoder decoder;
    private final int minTokens;
    private final boolean includeStop;
    private final int heldBack;
    private final StringBuilder text = new StringBuilder();
    private final List<Integer> tokenIds = new ArrayList<>();
    private final List<TokenLogprobs> logprobs = new ArrayList<>();
    private int textTaken;
    private int tokensTaken;
    private @Nullable String finishReason;
    private @Nullable Object stopReason;

    Sequence(int index, int[] prompt, SequenceSampler sampler, SamplingParameters parameters, Settings settings) {
        this.index = index;
        this.prompt = prompt;
        this.sampler = sampler;
        this.parameters = parameters;
        this.settings = settings;
        decoder = settings.tokenizer().decoder();
        // A character that the prompt began is finished by the answer.
        for (int i = Math.max(0, prompt.length - 3); i < prompt.length; i++) {
            decoder.append(prompt[i]);
        }
        Integer least = parameters.minTokens();
        minTokens = least == null ? 0 : least;
        includeStop = Boolean.TRUE.equals(parameters.includeStopStrInOutput());
        heldBack = includeStop
                ? 0
                : parameters.stop().stream().mapToInt(String::length).max().orElse(1) - 1;
    }

    boolean isFinished() {
        return finishReason != null;
    }

    int size() {
        return tokenIds.size();
    }

    void abort() {
        finishReason = "abort";
    }

    /** Generates a token. */
    void step() {
        float[] logits = settings.script().logits(sampler.history());
        Integer most = settings.logprobs();
        float[] shown = most == null ? null : shown(logits);
        int tokenId = sampler.sample(logits);
        tokenIds.add(tokenId);
        if (most != null && shown != null) {
            logprobs.add(TokenLogprobs.of(tokenId, shown, most, settings.logprobTokenIds()));
        }
        boolean stop = settings.stopTokenIds().contains(tokenId) && tokenIds.size() >= minTokens;
        int before = text.length();
        if (!stop || includeStop) {
            text.append(
                    settings.specialTokens() && settings.tokenizer().isSpecial(tokenId)
                            ? settings.tokenizer().token(tokenId)
                            : decoder.append(tokenId));
        }
        RepetitionDetection repetition = parameters.repetitionDetection();
        if (stop) {
            finishReason = "stop";
            // The model's own end is no reason that needs a name.
            stopReason = tokenId == ByteTokenizer.END_OF_TURN
                            && !parameters.stopTokenIds().contains(tokenId)
                    ? null
                    : tokenId;
        } else if (tokenIds.size() >= settings.maxTokens()) {
            finishReason = "length";
        } else if (repetition != null && tokenIds.size() >= minTokens && repetition.found(tokenIds)) {
            finishReason = "repetition";
            stopReason = "repetition_detected";
        }
        if (tokenIds.size() > minTokens && text.length() > before) {
            cutAtStopString(before);
        }
    }

    /** What the log-probabilities are made of, by the server's mode; normalised if that is meant. */
    private float[] shown(float[] logits) {
        boolean processed = settings.mode().processed;
        float[] values = logits.clone();
        if (processed) {
            Logits distribution = sampler.distribution(logits.clone());
            values = new float[logits.length];
            for (int id = 0; id < values.length; id++) {
                values[id] = distribution.ofToken(id);
            }
        }
        return settings.mode().normalized ? TokenLogprobs.logSoftmax(values) : values;
    }

    /** Of several the one that ends first. */
    private void cutAtStopString(int before) {
        int bestEnd = Integer.MAX_VALUE;
        String best = null;
        for (String stop : parameters.stop()) {
            int at = text.indexOf(stop, Math.max(0, before + 1 - stop.length()));
            if (at >= 0 && at + stop.length() < bestEnd) {
                bestEnd = at + stop.length();
                best = stop;
            }
        }
        if (best != null) {
            finishReason = "stop";
            stopReason = best;
            text.setLength(includeStop ? bestEnd : bestEnd - best.length());
        }
    }

    /** What has come since the last call; text that may be the beginning of a stop string comes later. */
    Delta take() {
        int end = isFinished() ? text.length() : Math.max(textTaken, text.length() - heldBack);
        String piece = textTaken < end ? text.substring(textTaken, end) : "";
        List<Integer> ids = List.copyOf(tokenIds.subList(tokensTaken, tokenIds.size()));
        List<TokenLogprobs> theirs =
                settings.logprobs() == null ? null : List.copyOf(logprobs.subList(tokensTaken, tokenIds.size()));
        textTaken = Math.max(textTaken, end);
        tokensTaken = tokenIds.size();
        return new Delta(index, piece, ids, theirs, finishReason, stopReason);
    }
}
