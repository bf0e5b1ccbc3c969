package dev.tempera.engine;

import dev.tempera.TemperaException;
import java.util.List;
import java.util.stream.Collectors;

/** An engine cannot run a request as it is written. Names every stage that it would have to drop. */
public final class UnsupportedRequestException extends TemperaException {
    private static final long serialVersionUID = 1;

    private final transient List<GenerationPlan.Stage> rejected;

    public UnsupportedRequestException(List<GenerationPlan.Stage> rejected) {
        super("this engine cannot run the request as written: "
                + rejected.stream().map(s -> s.stage() + ": " + s.reason()).collect(Collectors.joining("; ")));
        this.rejected = List.copyOf(rejected);
    }

    public List<GenerationPlan.Stage> rejected() {
        return rejected;
    }
}
