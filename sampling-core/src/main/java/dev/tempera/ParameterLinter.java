package dev.tempera;

import java.util.ArrayList;
import java.util.List;

/** Finds parameters that are allowed and yet probably not meant. */
final class ParameterLinter {
    private ParameterLinter() {}

    static List<String> warnings(SamplingParameters parameters) {
        Warning.Given given = new Warning.Given(parameters);
        List<String> warnings = new ArrayList<>();
        for (Warning warning : Warning.values()) {
            String found = warning.find(given);
            if (found != null) {
                warnings.add(found + " [" + warning.id() + "]");
            }
        }
        return List.copyOf(warnings);
    }
}
