package dev.tempera;

import java.util.List;

/** One or more values that the caller gave break a rule. Names each value, its rule and what was found. */
public final class InvalidParametersException extends TemperaException {
    private static final long serialVersionUID = 1;

    private final transient List<String> problems;

    public InvalidParametersException(String problem) {
        this(List.of(problem));
    }

    /** @throws IllegalArgumentException if there is no problem */
    public InvalidParametersException(List<String> problems) {
        super(String.join("; ", problems));
        if (problems.isEmpty()) {
            throw new IllegalArgumentException("an exception needs at least one problem");
        }
        this.problems = List.copyOf(problems);
    }

    /** Every problem found, one sentence each, in the order of checking. */
    public List<String> problems() {
        return problems;
    }
}
