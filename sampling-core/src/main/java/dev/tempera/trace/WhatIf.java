package dev.tempera.trace;

import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Require;
import dev.tempera.Sampler;
import dev.tempera.SamplingContext;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Ties;
import dev.tempera.Vocabulary;
import dev.tempera.processor.GumbelMax;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopH;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What other parameters would have made of a text, from its trace alone, no model run. The trace lists the most probable
 * tokens of a step one by one; the others it knows by number and mean gap, so that answers are {@link Bounds} which the
 * true value lies in: narrow for a temperature and for cuts among the tokens listed, exact where nothing else is left.
 *
 * <p>Of the text so far everything is known, so penalties and constraints count as they would have. Processors that are
 * neither a temperature, nor a cut by rank, mass or threshold, nor change the tokens listed alone are refused while
 * unlisted tokens are left; so are samplers that learn from their own draws. That a processor may take tokens back is
 * not part of a probability here.
 *
 * <p>Immutable and thread-safe, if the processors are. O(steps × tokens listed) and, for each penalty or constraint, a
 * pass over the vocabulary.
 */
public final class WhatIf {
    private static final int MOST_WORLDS = 4096;

    private final SamplingTrace trace;
    private final Vocabulary vocabulary;

    private WhatIf(SamplingTrace trace, Vocabulary vocabulary) {
        this.trace = trace;
        this.vocabulary = vocabulary;
    }

    /** Without a tokenizer: processors that are given text are refused. */
    public static WhatIf of(SamplingTrace trace) {
        return new WhatIf(trace, new TraceVocabulary(trace.header()));
    }

    /** @throws InvalidParametersException if it is not the vocabulary of the trace */
    public static WhatIf of(SamplingTrace trace, Vocabulary vocabulary) {
        Require.that(
                vocabulary.rows() == trace.header().rows(),
                "vocabulary",
                "have the rows of the trace (" + trace.header().rows() + ")",
                vocabulary.rows());
        return new WhatIf(trace, vocabulary);
    }

    /** As {@link #under(SamplingPipeline)}, of what the parameters compile to. */
    public TextWhatIf under(SamplingParameters parameters, Dialect dialect) {
        return under(parameters.toPipeline(dialect));
    }

    /**
     * The text of the trace under another pipeline.
     *
     * @throws InvalidParametersException if the trace does not have what a stage needs; the message names it
     */
    public TextWhatIf under(SamplingPipeline pipeline) {
        SamplingTrace.Header header = trace.header();
        // Runs nothing: it keeps the history and what hangs on it.
        SequenceSampler text = SamplingPipeline.builder()
                .exemptMarkupFromPenalties(pipeline.exemptsMarkupFromPenalties())
                .build()
                .start(array(header.promptTokenIds()), vocabulary, array(header.stopTokenIds()), header.seed());
        SamplingContext context = text.context();
        List<LogitsProcessor> processors = new ArrayList<>();
        for (LogitsProcessor processor : pipeline.processors()) {
            if (!processor.needsLogits().isEmpty()) {
                throw new InvalidParametersException(
                        processor + " needs the logits of another prompt, which a trace does not keep");
            }
            processors.add(processor.forSequence(context));
        }
        Sampler sampler = pipeline.sampler().forSequence(context);
        if (sampler.snapshot() != null) {
            throw new InvalidParametersException(
                    pipeline.sampler()
                            + " learns from what it draws itself: what it would have learnt from this text is not in the trace");
        }
        List<StepWhatIf> steps = new ArrayList<>();
        for (TraceStep step : trace.steps()) {
            List<World> worlds = List.of(world(step));
            for (int i = 0; i < processors.size(); i++) {
                worlds = after(pipeline.processors().get(i), processors.get(i), worlds, context, step);
            }
            steps.add(result(step, shaped(pipeline.sampler(), sampler, worlds, context, step), pipeline.sampler()));
            text.accept(step.tokenId());
            for (int i = 0; i < processors.size(); i++) {
                if (processors.get(i).accept(step.tokenId(), context).rewind() > 0) {
                    throw new InvalidParametersException("step " + step.position() + ": "
                            + pipeline.processors().get(i) + " would have taken tokens of this text back");
                }
            }
        }
        return new TextWhatIf(pipeline.toString(), steps);
    }

    private static int[] array(List<Integer> ids) {
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }

    private World world(TraceStep step) {
        SortedMap<Integer, Float> listed = new TreeMap<>(step.others());
        step.candidates().forEach(candidate -> listed.put(candidate.tokenId(), candidate.logit()));
        listed.values().removeIf(logit -> logit == Float.NEGATIVE_INFINITY);
        float[] logits = new float[listed.size()];
        int n = 0;
        for (float logit : listed.values()) {
            logits[n++] = logit;
        }
        float max = step.candidates().get(0).logit();
        if (max == Float.POSITIVE_INFINITY) {
            throw new InvalidParametersException(
                    "step " + step.position() + " has a logit of +inf: nothing can be said of it");
        }
        List<Tail> tail =
                step.tail().stream().map(bucket -> Tail.of(bucket, max)).toList();
        return new World(vocabulary.rows(), array(List.copyOf(listed.keySet())), logits, tail);
    }

    private List<World> after(
            LogitsProcessor configured,
            LogitsProcessor processor,
            List<World> worlds,
            SamplingContext context,
            TraceStep step) {
        List<World> result = new ArrayList<>();
        for (World world : worlds) {
            result.addAll(after(configured, processor, world, context, step));
        }
        if (result.size() > MOST_WORLDS) {
            throw needsMore(configured, step, "leaves too much open");
        }
        return result;
    }

    private List<World> after(
            LogitsProcessor configured,
            LogitsProcessor processor,
            World world,
            SamplingContext context,
            TraceStep step) {
        if (world.isComplete()) {
            return List.of(world.processed(processor, context, List.of()));
        }
        if (configured instanceof Temperature temperature && !temperature.isCold()) {
            double divisor = (float) temperature.value();
            List<Tail> rest = world.tail().stream()
                    .map(bucket -> bucket.dividedBy(divisor))
                    .toList();
            return List.of(world.processed(processor, context, rest));
        }
        Cut cut = Cut.of(configured);
        if (cut != null) {
            return world.cut(cut);
        }
        if (configured instanceof TopH) {
            List<World> first = world.cut(Cut.topK(TopH.MOST, Ties.LOWEST_IDS));
            if (first.stream().allMatch(World::isComplete)) {
                return first.stream()
                        .map(complete -> complete.processed(processor, context, List.of()))
                        .toList();
            }
            throw needsMore(configured, step, "needs the " + TopH.MOST + " most probable tokens");
        }
        if (TokenRules.areOf(configured)) {
            return List.of(afterTokenRule(configured, processor, world, context, step));
        }
        throw needsMore(configured, step, "needs every token that is left there");
    }

    /**
     * A processor that treats every token for itself: what it does to an unlisted one shows when all have the largest
     * and when all have the smallest logit that one can have.
     */
    private World afterTokenRule(
            LogitsProcessor configured,
            LogitsProcessor processor,
            World world,
            SamplingContext context,
            TraceStep step) {
        float high =
                (float) world.tail().stream().mapToDouble(Tail::highest).max().orElseThrow();
        float low =
                (float) world.tail().stream().mapToDouble(Tail::lowest).min().orElseThrow();
        float[] highest = probe(processor, high, context);
        float[] lowest = probe(processor, low, context);
        Set<Integer> listed = new HashSet<>(step.others().keySet());
        step.candidates().forEach(candidate -> listed.add(candidate.tokenId()));
        List<Tail> touched = new ArrayList<>();
        int gone = 0;
        int untouched = 0;
        for (int id = 0; id < highest.length; id++) {
            if (listed.contains(id) || !vocabulary.isToken(id)) {
                continue;
            }
            if (highest[id] == high && lowest[id] == low) {
                untouched++;
                continue;
            }
            gone++;
            double most = Math.max(highest[id], lowest[id]);
            if (most > Float.NEGATIVE_INFINITY) {
                touched.add(Tail.maybe(Math.min(highest[id], lowest[id]), most));
            }
        }
        List<Tail> rest = new ArrayList<>(touched);
        for (Tail bucket : world.tail()) {
            Tail left = bucket.without(gone, untouched);
            if (left.most() > 0) {
                rest.add(left);
            }
        }
        World result = world.processed(processor, context, rest);
        if (result.isEmpty() && !world.isEmpty()) {
            throw needsMore(configured, step, "leaves none of the tokens listed");
        }
        return result;
    }

    private float[] probe(LogitsProcessor processor, float logit, SamplingContext context) {
        float[] all = new float[vocabulary.rows()];
        Arrays.fill(all, logit);
        processor.process(Logits.wrap(all), context);
        return all;
    }

    private List<World> shaped(
            Sampler configured, Sampler sampler, List<World> worlds, SamplingContext context, TraceStep step) {
        if (configured == Sampler.CATEGORICAL || configured instanceof GumbelMax) {
            return worlds;
        }
        List<World> result = new ArrayList<>();
        for (World world : worlds) {
            if (configured == Sampler.GREEDY) {
                result.addAll(world.cut(Cut.topK(1, Ties.LOWEST_IDS)));
            } else if (world.isComplete()) {
                result.add(world.ofLogits(world.run(logits -> sampler.shape(logits, context)), List.of()));
            } else {
                throw needsMore(configured, step, "needs every token that is left there");
            }
        }
        return result;
    }

    private StepWhatIf result(TraceStep step, List<World> worlds, Sampler sampler) {
        Map<Integer, Bounds> candidates = new LinkedHashMap<>();
        for (TracedCandidate candidate : step.candidates()) {
            candidates.put(candidate.tokenId(), logProbability(candidate.tokenId(), worlds));
        }
        OptionalInt sameNumber = OptionalInt.empty();
        if (sampler == Sampler.CATEGORICAL || sampler == Sampler.GREEDY) {
            List<OptionalInt> drawn = worlds.stream()
                    .map(world -> world.drawn(step.uniform()))
                    .distinct()
                    .toList();
            sameNumber = drawn.size() == 1 ? drawn.get(0) : OptionalInt.empty();
        }
        return new StepWhatIf(
                step.position(), step.tokenId(), logProbability(step.tokenId(), worlds), candidates, sameNumber);
    }

    private static Bounds logProbability(int tokenId, List<World> worlds) {
        return worlds.stream()
                .map(world -> world.logProbability(tokenId))
                .reduce(Bounds::hull)
                .orElseThrow();
    }

    private InvalidParametersException needsMore(Object stage, TraceStep step, String why) {
        return new InvalidParametersException("step " + step.position() + ": " + stage + " " + why + ", but the trace"
                + " lists " + step.candidates().size() + " of "
                + (step.candidates().size() + step.others().size() + step.tailSize())
                + " tokens: trace with more candidates, or put a top-k before it");
    }
}
