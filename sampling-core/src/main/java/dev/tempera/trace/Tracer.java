package dev.tempera.trace;

import dev.tempera.Dialect;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.RandomPurpose;
import dev.tempera.Require;
import dev.tempera.Sampler;
import dev.tempera.SamplingContext;
import dev.tempera.SamplingObserver;
import dev.tempera.SamplingParameters;
import dev.tempera.TokenHistory;
import dev.tempera.Vocabulary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Records a {@link SamplingTrace} of one sequence, from its first token on:
 * {@code sampler.sample(logits, tracer)} for every token. A step costs a few passes over the vocabulary with
 * {@code Math.exp} and keeps some kilobytes. Not thread-safe.
 */
public final class Tracer implements SamplingObserver {
    /** Candidates that are recorded one by one when nobody says otherwise. */
    public static final int CANDIDATES = 20;

    private final int candidates;
    private final String model;
    private final SamplingParameters parameters;
    private final Dialect dialect;
    private final List<TraceStep> steps = new ArrayList<>();
    private final Set<Integer> watched = new LinkedHashSet<>();
    private final List<TracedStage> stages = new ArrayList<>();
    private List<String> pipeline = List.of();
    private int takenBack;
    private @Nullable SamplingContext context;
    private @Nullable Distribution raw;
    private @Nullable Distribution current;
    private @Nullable Distribution processed;
    private int[] removedBy = new int[0];
    private int position;
    private double uniform;

    private Tracer(Builder builder) {
        candidates = builder.candidates;
        model = builder.model;
        parameters = builder.parameters;
        dialect = builder.dialect;
    }

    public static Builder builder() {
        return new Builder();
    }

    /** What was recorded of one token. @param position how many were generated before it */
    public TraceStep step(int position) {
        return steps.get(position);
    }

    /** What was recorded so far. Without a step yet, the header knows nothing of prompt and seed. */
    public SamplingTrace trace() {
        SamplingContext of = context;
        if (of == null) {
            return new SamplingTrace(
                    new SamplingTrace.Header(
                            model, 0, parameters, dialect, List.of(), 0, List.of(), List.of(), List.of(), 0),
                    List.of());
        }
        List<Integer> prompt = new ArrayList<>();
        for (int i = 0; i < of.history().promptSize(); i++) {
            prompt.add(of.history().get(i));
        }
        List<Integer> stops = Arrays.stream(of.stopTokenIds()).boxed().toList();
        return new SamplingTrace(
                new SamplingTrace.Header(
                        model,
                        of.seed(),
                        parameters,
                        dialect,
                        pipeline,
                        of.vocabulary().rows(),
                        prompt,
                        stops,
                        markup(of.vocabulary()),
                        takenBack),
                steps);
    }

    private static List<Integer> markup(Vocabulary vocabulary) {
        List<Integer> ids = new ArrayList<>();
        for (int id = 0; id < vocabulary.rows(); id++) {
            if (vocabulary.isToken(id) && vocabulary.isMarkup(id)) {
                ids.add(id);
            }
        }
        return ids;
    }

    /** @throws IllegalStateException if the tracer has missed tokens of this sequence, or belongs to another */
    @Override
    public void given(Logits logits, SamplingContext ofSequence) {
        TokenHistory history = ofSequence.history();
        if (context == null) {
            for (int i = 0; i < history.promptSize(); i++) {
                watched.add(history.get(i));
            }
            Arrays.stream(ofSequence.stopTokenIds()).forEach(watched::add);
            watched.addAll(parameters.logitBias().keySet());
            context = ofSequence;
        }
        if (context != ofSequence || history.generatedSize() != steps.size()) {
            throw new IllegalStateException("a tracer follows one sequence from its first token on: it has seen "
                    + steps.size() + " tokens, this sequence has " + history.generatedSize());
        }
        position = history.generatedSize();
        uniform = ofSequence.uniform(RandomPurpose.DRAW);
        stages.clear();
        Distribution distribution = Distribution.of(logits);
        raw = distribution;
        current = distribution;
        processed = distribution;
        if (removedBy.length != distribution.rows()) {
            removedBy = new int[distribution.rows()];
        }
        Arrays.fill(removedBy, -1);
    }

    @Override
    public void processed(LogitsProcessor processor, Logits logits) {
        stage(name(processor), logits);
        processed = current;
    }

    @Override
    public void shaped(Sampler sampler, Logits logits) {
        stage(name(sampler), logits);
        if (steps.isEmpty()) {
            pipeline = stages.stream().map(TracedStage::name).toList();
        }
    }

    /** What the stage prints; a lambda prints nothing that means something to people. */
    private static String name(Object stage) {
        return stage.getClass().isHidden() ? "lambda" : stage.toString();
    }

    private void stage(String name, Logits logits) {
        Distribution before = begun(current);
        Distribution after = Distribution.of(logits);
        int removed = 0;
        double removedMass = 0;
        for (int id = 0; id < after.rows(); id++) {
            if (before.has(id) && !after.has(id)) {
                removed++;
                removedMass += before.probability(id);
                removedBy[id] = stages.size();
            }
        }
        stages.add(new TracedStage(
                name, removed, Math.min(1, removedMass), after.kept(), before.entropy(), after.entropy()));
        current = after;
    }

    @Override
    public void accepted(int tokenId, SamplingContext ofSequence) {
        int generated = ofSequence.history().generatedSize();
        if (generated <= position) {
            takenBack += position + 1 - generated;
            steps.subList(generated, steps.size()).clear();
            watched.add(tokenId);
            return;
        }
        steps.add(step(tokenId, begun(raw), begun(current)));
        watched.add(tokenId);
    }

    private TraceStep step(int tokenId, Distribution given, Distribution drawnFrom) {
        int[] top = TopLogits.of(given, candidates);
        List<TracedCandidate> listed = new ArrayList<>();
        Set<Integer> known = new HashSet<>();
        for (int id : top) {
            listed.add(new TracedCandidate(id, text(id), given.logit(id), drawnFrom.logProbability(id), removedBy[id]));
            known.add(id);
        }
        SortedMap<Integer, Float> others = new TreeMap<>();
        watched.add(tokenId);
        for (int id : watched) {
            if (id >= 0 && id < given.rows() && known.add(id)) {
                others.put(id, given.logit(id));
            }
        }
        double below = 0;
        for (int id = 0; id < tokenId; id++) {
            below += drawnFrom.probability(id);
        }
        return new TraceStep(
                position,
                tokenId,
                text(tokenId),
                rank(given, tokenId),
                given.logit(tokenId),
                given.logProbability(tokenId),
                begun(processed).logProbability(tokenId),
                drawnFrom.logProbability(tokenId),
                uniform,
                below,
                below + drawnFrom.probability(tokenId),
                stages,
                listed,
                others,
                TailHistogram.of(given, known));
    }

    private String text(int tokenId) {
        return context == null ? "" : context.vocabulary().tokenText(tokenId);
    }

    private static int rank(Distribution given, int tokenId) {
        int rank = 1;
        for (int id = 0; id < given.rows(); id++) {
            if (given.logit(id) > given.logit(tokenId) || given.logit(id) == given.logit(tokenId) && id < tokenId) {
                rank++;
            }
        }
        return rank;
    }

    private static Distribution begun(@Nullable Distribution distribution) {
        if (distribution == null) {
            throw new IllegalStateException("a tracer is given to SequenceSampler.sample, which calls it in order");
        }
        return distribution;
    }

    /** What to record, and what the header tells. Not thread-safe. */
    public static final class Builder {
        private int candidates = CANDIDATES;
        private String model = "";
        private SamplingParameters parameters = SamplingParameters.NEUTRAL;
        private Dialect dialect = Dialect.VLLM;

        private Builder() {}

        /** How many tokens of each step to record one by one; with as many as the head has rows, what-if is exact. */
        public Builder candidates(int number) {
            Require.that(number >= 1, "candidates", "be at least 1", number);
            candidates = number;
            return this;
        }

        public Builder model(String name) {
            model = name;
            return this;
        }

        /** What the pipeline was compiled from. */
        public Builder parameters(SamplingParameters asked, Dialect rules) {
            parameters = asked;
            dialect = rules;
            return this;
        }

        public Tracer build() {
            return new Tracer(this);
        }
    }
}
