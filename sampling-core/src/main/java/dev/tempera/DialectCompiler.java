package dev.tempera;

import dev.tempera.processor.DistinctTokenPenalty;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/** Collects the stages of a pipeline and everything that is wrong with the parameters. */
final class DialectCompiler {
    /** This library's own parameters, which no peer has and every dialect takes. */
    static final Set<Parameter> OWN = Collections.unmodifiableSet(
            EnumSet.of(Parameter.DISTINCT_TOKEN_PENALTY, Parameter.EXEMPT_MARKUP_FROM_PENALTIES, Parameter.PROCESSORS));

    private final String dialect;
    private final SamplingPipeline.Builder pipeline = SamplingPipeline.builder();
    private final List<String> problems = new ArrayList<>();

    DialectCompiler(String dialect) {
        this.dialect = dialect;
    }

    void add(Supplier<LogitsProcessor> stage) {
        try {
            pipeline.add(stage.get());
        } catch (InvalidParametersException e) {
            problems.addAll(e.problems());
        }
    }

    /** This library's own parameters, which mean the same in every dialect. */
    void addExtensions(SamplingParameters parameters) {
        Double distinct = parameters.distinctTokenPenalty();
        if (distinct != null && distinct != 0) {
            add(() -> new DistinctTokenPenalty(distinct));
        }
        for (ProcessorSpec spec : parameters.processors()) {
            add(() -> LogitsProcessors.create(spec));
        }
        pipeline.exemptMarkupFromPenalties(Boolean.TRUE.equals(parameters.exemptMarkupFromPenalties()));
    }

    void greedy() {
        pipeline.sampler(Sampler.GREEDY);
    }

    /** Whether a value obeys the dialect's rule; reports it when it does not. */
    boolean check(Number value, boolean holds, String name, String rule) {
        if (!holds) {
            problems.add(name + " must " + rule + " in the " + dialect + " dialect, got " + value);
        }
        return holds;
    }

    /** Reports a parameter that the peer does not have. */
    void reject(Parameter parameter, String advice) {
        problems.add(dialect + " has no " + parameter.wireName() + ": " + advice);
    }

    SamplingPipeline build() {
        if (!problems.isEmpty()) {
            throw new InvalidParametersException(problems);
        }
        return pipeline.build();
    }
}
