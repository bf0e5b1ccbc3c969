package dev.tempera;

import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** How one peer turns parameters into stages. */
interface DialectRules {
    /** What of the pipeline the peer has; the dialect refuses the rest, unless it is this library's own. */
    Set<Parameter> parameters();

    /** What to do instead of a parameter that the peer does not have. */
    default String advice(Parameter parameter) {
        String others = Arrays.stream(Dialect.values())
                .filter(dialect -> dialect.has(parameter))
                .map(Dialect::displayName)
                .collect(Collectors.joining(" or "));
        return "leave it unset, or use the " + others + " dialect or a pipeline of your own";
    }

    void compile(SamplingParameters parameters, DialectCompiler compiler);

    /**
     * For each set parameter of which peers make different things, a clause that continues the peer's name; and the
     * order of the stages. Two peers agree where the clauses are equal. No clause: the peer takes the value as it is.
     */
    Map<String, String> describe(SamplingParameters parameters);
}
