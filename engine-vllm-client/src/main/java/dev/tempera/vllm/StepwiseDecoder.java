package dev.tempera.vllm;

import dev.tempera.Logits;
import dev.tempera.RandomPurpose;
import dev.tempera.SamplingContext;
import dev.tempera.SequenceSampler;
import dev.tempera.TokenHistory;
import java.util.AbstractList;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Draws tokens here from what the processors make of the likeliest tokens of each step: one request a token, or several
 * tokens drawn ahead by the server and kept with probability {@code min(1, q / p)}. Belongs to one thread.
 */
final class StepwiseDecoder {
    private static final RandomPurpose SEED = RandomPurpose.of("vllm draft seed");
    private static final RandomPurpose KEEP = RandomPurpose.of("vllm draft keep");
    private static final RandomPurpose RESIDUAL = RandomPurpose.of("vllm draft residual");

    private final Steps steps;
    private final SequenceSampler sampler;
    private final Draft draft;
    private final int draftTokens;
    private final int vocabularySize;
    private final @Nullable List<Integer> negativePrompt;
    private final List<Integer> text;
    private final Deque<Steps.Step> ahead = new ArrayDeque<>();
    private double[] weights = new double[0];
    private int rewinds;
    private long requests;
    private long drafted;
    private long kept;
    private double unseen;
    private double mostUnseen;

    /**
     * @param draftTokens how many tokens a request draws; 1 to draw none ahead
     * @param vocabularySize of the sampler
     * @param negativePrompt whose logits a processor needs, too; null if none does
     */
    StepwiseDecoder(
            Steps steps,
            SequenceSampler sampler,
            Draft draft,
            int draftTokens,
            int vocabularySize,
            @Nullable List<Integer> negativePrompt) {
        this.steps = steps;
        this.sampler = sampler;
        this.draft = draft;
        this.draftTokens = draftTokens;
        this.vocabularySize = vocabularySize;
        this.negativePrompt = negativePrompt;
        this.text = text(sampler.history());
    }

    /** The tokens so far, for a request. */
    private static List<Integer> text(TokenHistory history) {
        return new AbstractList<>() {
            @Override
            public Integer get(int index) {
                return history.get(index);
            }

            @Override
            public int size() {
                return history.size();
            }
        };
    }

    /**
     * A token and what it was drawn from.
     *
     * @param unseen the probability of all tokens that were not listed; NaN if the server shows logits
     */
    record Drawn(int tokenId, Steps.Step step, double unseen) {}

    /**
     * Draws the next token; {@link SequenceSampler#acceptance} says what to do with it.
     *
     * @param most how many tokens may still come, at least 1
     */
    Drawn next(int most) {
        if (ahead.isEmpty()) {
            ask(Math.min(most, draftTokens));
        }
        Steps.Step step = ahead.remove();
        double missing = unseen(step);
        if (negativePrompt != null) {
            guide(negativePrompt);
        }
        int tokenId = draftTokens == 1 ? sampler.sample(step.logits(vocabularySize)) : keepOrReplace(step);
        unseen += missing;
        mostUnseen = Math.max(mostUnseen, missing);
        if (sampler.acceptance().rewind() > 0) {
            rewinds++;
            ahead.clear();
        } else if (tokenId != step.drawn()) {
            ahead.clear();
        }
        return new Drawn(tokenId, step, missing);
    }

    private void ask(int tokens) {
        // After a rewind the same position comes again, and must not meet the same random numbers.
        long seed = (long) (sampler.context().uniform(SEED, rewinds) * 0x1p53);
        List<Steps.Step> answer = steps.next(text, draftTokens == 1 ? Draft.LIKELIEST : draft, tokens, seed);
        requests++;
        first(answer);
        ahead.addAll(answer);
    }

    /** Asks what would come after the negative prompt and the same text. */
    private void guide(List<Integer> prompt) {
        List<Integer> other = new ArrayList<>(prompt);
        other.addAll(text.subList(sampler.history().promptSize(), text.size()));
        List<Steps.Step> answer = steps.next(other, Draft.LIKELIEST, 1, 0);
        requests++;
        Steps.Step step = first(answer);
        float[] logits = new float[vocabularySize];
        Arrays.fill(logits, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < step.tokenIds().length; i++) {
            logits[step.tokenIds()[i]] = step.values()[i];
        }
        sampler.provideLogits(SamplingContext.NEGATIVE, logits);
    }

    private static Steps.Step first(List<Steps.Step> steps) {
        if (steps.isEmpty()) {
            throw new VllmException(Reason.PROTOCOL, "the server answered without a token and its log-probabilities");
        }
        return steps.get(0);
    }

    private static double unseen(Steps.Step step) {
        double seen = 0;
        for (float value : step.values()) {
            seen += Math.exp(value);
        }
        return seen > 1.001 ? Double.NaN : Math.max(0, 1 - seen);
    }

    /** Keeps the server's token, or draws another one: both together follow the distribution of the pipeline. */
    private int keepOrReplace(Steps.Step step) {
        SamplingContext context = sampler.context();
        double[] p = draft.probabilities(step);
        double[] q = distribution(step);
        int at = Arrays.binarySearch(step.tokenIds(), step.drawn());
        drafted++;
        int tokenId = step.drawn();
        if (at >= 0 && context.uniform(KEEP, rewinds) * p[at] < q[at]) {
            kept++;
        } else {
            tokenId = step.tokenIds()[replacement(p, q, context.uniform(RESIDUAL, rewinds))];
        }
        sampler.accept(tokenId);
        return tokenId;
    }

    /** What the pipeline makes of a step: the probability of every listed token. */
    private double[] distribution(Steps.Step step) {
        Logits shaped = sampler.distribution(step.logits(vocabularySize));
        if (weights.length < shaped.size()) {
            weights = new double[step.tokenIds().length];
        }
        shaped.weights(weights);
        double sum = 0;
        for (int i = 0; i < shaped.size(); i++) {
            sum += weights[i];
        }
        double[] q = new double[step.tokenIds().length];
        for (int i = 0; i < shaped.size(); i++) {
            q[Arrays.binarySearch(step.tokenIds(), shaped.tokenId(i))] = weights[i] / sum;
        }
        return q;
    }

    /** A position drawn from {@code max(0, q - p)}. */
    private static int replacement(double[] p, double[] q, double u) {
        double sum = 0;
        for (int i = 0; i < q.length; i++) {
            sum += Math.max(0, q[i] - p[i]);
        }
        double running = 0;
        int last = -1;
        for (int i = 0; i < q.length; i++) {
            // If p and q agree to rounding, nothing is left over: then q itself.
            double weight = sum > 0 ? Math.max(0, q[i] - p[i]) / sum : q[i];
            if (weight > 0) {
                last = i;
                running += weight;
                if (running > u) {
                    return i;
                }
            }
        }
        return last;
    }

    /** Figures for the result. */
    Map<String, Object> details() {
        Map<String, Object> details = new TreeMap<>();
        details.put("stepwise_requests", requests);
        if (!Double.isNaN(unseen)) {
            details.put("stepwise_unseen_mass", unseen);
            details.put("stepwise_most_unseen_mass", mostUnseen);
        }
        if (draftTokens > 1) {
            details.put("stepwise_drafted", drafted);
            details.put("stepwise_kept", kept);
        }
        return details;
    }
}
