package dev.tempera;

import java.util.Map;

/** How one peer turns parameters into stages. */
interface DialectRules {
    void compile(SamplingParameters parameters, DialectCompiler compiler);

    /**
     * For each set parameter of which peers make different things, a clause that continues the peer's name; and the
     * order of the stages. Two peers agree where the clauses are equal. No clause: the peer takes the value as it is.
     */
    Map<String, String> describe(SamplingParameters parameters);
}
