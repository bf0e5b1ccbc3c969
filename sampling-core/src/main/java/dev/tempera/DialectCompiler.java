package dev.tempera;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Collects the stages of a pipeline and everything that is wrong with the parameters. */
final class DialectCompiler {
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

    void addAll(List<ProcessorSpec> specs) {
        for (ProcessorSpec spec : specs) {
            add(() -> LogitsProcessors.create(spec));
        }
    }

    void greedy() {
        pipeline.sampler(Sampler.GREEDY);
    }

    /** Whether a set value obeys the dialect's rule; reports it when it does not. An unset value is false. */
    boolean check(@Nullable Number value, boolean holds, String name, String rule) {
        if (value == null) {
            return false;
        }
        if (!holds) {
            problems.add(name + " must " + rule + " in the " + dialect + " dialect, got " + value);
        }
        return holds;
    }

    /** Reports a parameter that the peer does not have. */
    void reject(boolean set, String name, String advice) {
        if (set) {
            problems.add(dialect + " has no " + name + ": " + advice);
        }
    }

    SamplingPipeline build() {
        if (!problems.isEmpty()) {
            throw new InvalidParametersException(problems);
        }
        return pipeline.build();
    }
}
