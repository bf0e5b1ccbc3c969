package dev.tempera;

import java.util.Map;

/** How one peer turns parameters into stages. */
interface DialectRules {
    void compile(SamplingParameters parameters, DialectCompiler compiler);

    /**
     * For each set parameter that matters, a clause that continues the peer's name; and the order of the stages. Two
     * peers agree where the clauses are equal.
     */
    Map<String, String> describe(SamplingParameters parameters);
}
