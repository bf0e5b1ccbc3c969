package dev.tempera;

import dev.tempera.processor.BannedStrings;
import dev.tempera.processor.DistinctTokenPenalty;
import dev.tempera.processor.QuadraticSmoothing;
import dev.tempera.processor.TailFree;
import dev.tempera.processor.ThinkingBudget;
import dev.tempera.processor.TopA;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Collects the stages of a pipeline and everything that is wrong with the parameters. */
final class DialectCompiler {
    /** This library's own parameters, which no peer has and every dialect takes. */
    static final Set<Parameter> OWN = Collections.unmodifiableSet(EnumSet.of(
            Parameter.DISTINCT_TOKEN_PENALTY,
            Parameter.EXEMPT_MARKUP_FROM_PENALTIES,
            Parameter.SMOOTHING_FACTOR,
            Parameter.SMOOTHING_CURVE,
            Parameter.TOP_A,
            Parameter.TFS,
            Parameter.BANNED_STRINGS,
            Parameter.SAMPLER,
            Parameter.PROCESSORS));

    private final String dialect;
    private final Set<Parameter> effective;
    private final SamplingPipeline.Builder pipeline = SamplingPipeline.builder();
    private final List<String> problems = new ArrayList<>();
    private final Map<String, List<String>> rejected = new LinkedHashMap<>(); // names by what to do instead
    private @Nullable String choice;

    /** @param effective the parameters that are set and not neutral */
    DialectCompiler(String dialect, Set<Parameter> effective) {
        this.dialect = dialect;
        this.effective = effective;
    }

    /** Whether it is set to something that changes anything. */
    boolean has(Parameter parameter) {
        return effective.contains(parameter);
    }

    void add(Supplier<LogitsProcessor> stage) {
        guard(() -> pipeline.add(stage.get()));
    }

    /** Adds a stage if its parameter changes anything. */
    void addIf(Parameter parameter, Supplier<LogitsProcessor> stage) {
        if (has(parameter)) {
            add(stage);
        }
    }

    private void guard(Runnable step) {
        try {
            step.run();
        } catch (InvalidParametersException e) {
            problems.addAll(e.problems());
        }
    }

    /** This library's own penalties and the processors by name: after the peer's penalties, before its cuts. */
    void addExtensions(SamplingParameters p) {
        addIf(
                Parameter.DISTINCT_TOKEN_PENALTY,
                () -> new DistinctTokenPenalty(p.number(Parameter.DISTINCT_TOKEN_PENALTY, 0)));
        addIf(Parameter.BANNED_STRINGS, () -> BannedStrings.of(p.bannedStrings().toArray(String[]::new)));
        for (ProcessorSpec spec : p.processors()) {
            add(() -> LogitsProcessors.create(spec));
        }
        pipeline.exemptMarkupFromPenalties(Boolean.TRUE.equals(p.exemptMarkupFromPenalties()));
        ProcessorSpec sampler = p.sampler();
        if (sampler != null) {
            choose("sampler \"" + sampler.name() + "\"", () -> Samplers.create(sampler));
        }
    }

    /** This library's own smoothing and cuts: after the peer's cuts. */
    void addOwnCuts(SamplingParameters p) {
        addIf(
                Parameter.SMOOTHING_FACTOR,
                () -> new QuadraticSmoothing(
                        p.number(Parameter.SMOOTHING_FACTOR, 0), p.number(Parameter.SMOOTHING_CURVE, 1)));
        double tfs = p.number(Parameter.TFS, 1);
        if (check(tfs, tfs <= 1, "tfs", "be in [0, 1]")) {
            addIf(Parameter.TFS, () -> new TailFree(tfs));
        }
        addIf(Parameter.TOP_A, () -> new TopA(p.number(Parameter.TOP_A, 0), 1));
    }

    /** Between the markers that most models write; a processor by name can have others. */
    static LogitsProcessor thinking(SamplingParameters p) {
        return new ThinkingBudget(
                p.integer(Parameter.THINKING_TOKEN_BUDGET, -1),
                ThinkingBudget.THINK,
                ThinkingBudget.END_OF_THINK,
                ThinkingBudget.NOTHING);
    }

    /** What ends the pipeline; two that would are a problem. */
    void choose(String what, Supplier<Sampler> sampler) {
        if (choice != null) {
            problems.add(choice + " and " + what + " both choose the token: leave one of them unset");
        }
        choice = what;
        guard(() -> pipeline.sampler(sampler.get()));
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
        rejected.computeIfAbsent(advice, unused -> new ArrayList<>()).add(parameter.wireName());
    }

    void problem(String problem) {
        problems.add(problem);
    }

    SamplingPipeline build() {
        List<String> problems = new ArrayList<>();
        rejected.forEach((advice, names) -> problems.add(dialect + " has no " + String.join(", ", names) + ": "
                + (names.size() == 1 ? advice : advice.replace("leave it", "leave them"))));
        problems.addAll(this.problems);
        if (!problems.isEmpty()) {
            throw new InvalidParametersException(problems);
        }
        return pipeline.build();
    }
}
