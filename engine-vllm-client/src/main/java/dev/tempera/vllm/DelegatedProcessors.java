package dev.tempera.vllm;

import dev.tempera.LogitsProcessor;
import dev.tempera.Sampler;
import dev.tempera.SamplingPipeline;
import dev.tempera.Ties;
import dev.tempera.TokenScope;
import dev.tempera.processor.AllowedTokens;
import dev.tempera.processor.BadWords;
import dev.tempera.processor.FrequencyPenalty;
import dev.tempera.processor.GumbelMax;
import dev.tempera.processor.LogitBias;
import dev.tempera.processor.MinP;
import dev.tempera.processor.MinTokens;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.ThinkingBudget;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * What vLLM's sampler does by itself, in its order: each processor with the field that it is sent as. A pipeline can be
 * handed over if it is a subsequence of this list, with values that the server takes as they are.
 *
 * <p>The order is that of the V1 model runner ({@code v1/sample/sampler.py}). The V2 runner adds biases before it allows
 * tokens and forbids words after the penalties; since a mask stays a mask whatever is added to it, the result is the same.
 */
final class DelegatedProcessors {
    /** More make the V2 model runner fail in its engine loop, which ends the whole server (vllm issue 55164). */
    static final int MAX_TOKEN_IDS = 1024;

    /** {@code VLLM_MAX_NUM_BAD_WORDS}; the server counts a word twice that it may write in two ways. */
    static final int MAX_BAD_WORDS = 128;

    private static final String TAKEN = "";

    private static final List<Row<?>> ORDER = List.of(
            new Row<>(
                    AllowedTokens.class,
                    "allowed_token_ids",
                    AllowedTokens::tokenIds,
                    p -> idsRefusal(p.tokenIds().size())),
            new Row<>(BadWords.class, "bad_words", BadWords::words, DelegatedProcessors::wordsRefusal),
            new Row<>(
                    MinTokens.class,
                    "min_tokens",
                    MinTokens::minTokens,
                    p -> p.scope() == TokenScope.GENERATED ? TAKEN : "the server counts generated tokens only"),
            new Row<>(LogitBias.class, "logit_bias", LogitBias::biases, DelegatedProcessors::biasRefusal),
            new Row<>(
                    RepetitionPenalty.class,
                    "repetition_penalty",
                    RepetitionPenalty::penalty,
                    p -> windowRefusal(p.window(), p.scope() == TokenScope.PROMPT_AND_GENERATED, "prompt and output")),
            new Row<>(
                    FrequencyPenalty.class,
                    "frequency_penalty",
                    FrequencyPenalty::penalty,
                    p -> penaltyRefusal(p.penalty(), p.window(), p.scope())),
            new Row<>(
                    PresencePenalty.class,
                    "presence_penalty",
                    PresencePenalty::penalty,
                    p -> penaltyRefusal(p.penalty(), p.window(), p.scope())),
            new Row<>(
                    ThinkingBudget.class,
                    "thinking_token_budget",
                    ThinkingBudget::budget,
                    DelegatedProcessors::thinkingRefusal),
            new Row<>(
                    Temperature.class,
                    "temperature",
                    Temperature::value,
                    p -> p.value() >= 0.01 && p.value() <= 2 ? TAKEN : "the server takes 0.01 to 2"),
            new Row<>(MinP.class, "min_p", MinP::p, p -> minKeepRefusal(p.minKeep())),
            new Row<>(
                    TopK.class,
                    "top_k",
                    TopK::k,
                    p -> p.ties() == Ties.KEEP_ALL ? TAKEN : "the server keeps all that tie with the k-th"),
            new Row<>(
                    TopP.class,
                    "top_p",
                    TopP::p,
                    p -> p.p() > 0 ? minKeepRefusal(p.minKeep()) : "the server takes values above 0"));

    private DelegatedProcessors() {}

    /**
     * One processor of the server.
     *
     * @param refusal why the server does not take this one; {@link #TAKEN} if it does
     */
    private record Row<P extends LogitsProcessor>(
            Class<P> type, String field, Function<P, Object> value, Function<P, String> refusal) {
        String refusalOf(LogitsProcessor processor) {
            return refusal.apply(type.cast(processor));
        }

        Object valueOf(LogitsProcessor processor) {
            return value.apply(type.cast(processor));
        }
    }

    /**
     * What the server makes of one processor, or of the sampler.
     *
     * @param field it is sent as; empty if the server cannot run it
     * @param reason why it cannot; empty if it can
     */
    record Verdict(String stage, String field, String reason) {
        boolean isTaken() {
            return reason.isEmpty();
        }
    }

    /**
     * What the server makes of a pipeline.
     *
     * @param processors one each, in their order
     * @param fields for the request, if all are taken
     */
    record Delegation(List<Verdict> processors, Verdict sampler, SortedMap<String, Object> fields) {
        boolean isComplete() {
            return sampler.isTaken() && processors.stream().allMatch(Verdict::isTaken);
        }
    }

    static Delegation of(SamplingPipeline pipeline) {
        List<Verdict> verdicts = new ArrayList<>();
        SortedMap<String, Object> fields = new TreeMap<>();
        int furthest = -1;
        for (LogitsProcessor processor : pipeline.processors()) {
            int place = placeOf(processor);
            String reason =
                    place < 0 ? "the server has no such processor" : reason(pipeline, processor, place, furthest);
            furthest = Math.max(furthest, place);
            if (reason.isEmpty()) {
                Row<?> row = ORDER.get(place);
                fields.put(row.field, row.valueOf(processor));
            }
            verdicts.add(new Verdict(processor.toString(), reason.isEmpty() ? ORDER.get(place).field : "", reason));
        }
        return new Delegation(verdicts, sampler(pipeline.sampler(), fields), fields);
    }

    private static int placeOf(LogitsProcessor processor) {
        for (int i = 0; i < ORDER.size(); i++) {
            if (ORDER.get(i).type.isInstance(processor)) {
                return i;
            }
        }
        return -1;
    }

    private static String reason(SamplingPipeline pipeline, LogitsProcessor processor, int place, int furthest) {
        if (place == furthest) {
            return "the server runs it once";
        }
        if (place < furthest) {
            return "the server runs " + ORDER.get(place).field + " before " + ORDER.get(furthest).field;
        }
        if (pipeline.exemptsMarkupFromPenalties() && isPenalty(processor)) {
            return "the server's penalties count chat markup, which this pipeline exempts";
        }
        return ORDER.get(place).refusalOf(processor);
    }

    private static boolean isPenalty(LogitsProcessor processor) {
        return processor instanceof RepetitionPenalty
                || processor instanceof FrequencyPenalty
                || processor instanceof PresencePenalty;
    }

    private static Verdict sampler(Sampler sampler, SortedMap<String, Object> fields) {
        if (sampler == Sampler.GREEDY) {
            fields.put("temperature", 0.0);
            return new Verdict(sampler.toString(), "temperature", TAKEN);
        }
        boolean draws = sampler == Sampler.CATEGORICAL || sampler instanceof GumbelMax;
        return new Verdict(sampler.toString(), "", draws ? TAKEN : "the server has no such sampler");
    }

    /** The fields of the list, in the server's order. */
    static List<String> fields() {
        return ORDER.stream().map(Row::field).toList();
    }

    /** The processors of the list. */
    static Set<Class<?>> types() {
        Set<Class<?>> types = new HashSet<>();
        ORDER.forEach(row -> types.add(row.type));
        return types;
    }

    private static String idsRefusal(int ids) {
        return ids <= MAX_TOKEN_IDS
                ? TAKEN
                : ids + " ids: more than " + MAX_TOKEN_IDS + " end the server's engine (vllm issue 55164)";
    }

    private static String wordsRefusal(BadWords words) {
        if (!words.tokenIds().isEmpty()) {
            return "the server takes words as text, not as token ids";
        }
        if (words.scope() != TokenScope.GENERATED || words.wholeWordMustFit()) {
            return "the server looks at generated tokens only";
        }
        int number = words.words().size();
        return number <= MAX_BAD_WORDS ? TAKEN : number + " words: the server takes " + MAX_BAD_WORDS;
    }

    private static String biasRefusal(LogitBias bias) {
        for (double value : bias.biases().values()) {
            if (!(Math.abs(value) <= 100)) {
                return "the server clamps biases to [-100, 100], and has none of -inf";
            }
        }
        return idsRefusal(bias.biases().size());
    }

    private static String penaltyRefusal(double penalty, int window, TokenScope scope) {
        return Math.abs(penalty) <= 2
                ? windowRefusal(window, scope == TokenScope.GENERATED, "output")
                : "the server takes -2 to 2";
    }

    private static String windowRefusal(int window, boolean sameScope, String scope) {
        return window == Integer.MAX_VALUE && sameScope ? TAKEN : "the server counts the whole " + scope;
    }

    private static String thinkingRefusal(ThinkingBudget budget) {
        return budget.equals(ThinkingBudget.of(budget.budget()))
                ? TAKEN
                : "the server has markers of its own and no message";
    }

    private static String minKeepRefusal(int minKeep) {
        return minKeep == 1 ? TAKEN : "the server has no min_keep";
    }
}
