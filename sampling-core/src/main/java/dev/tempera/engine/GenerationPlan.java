package dev.tempera.engine;

import java.util.List;
import java.util.stream.Collectors;

/**
 * How an engine will run every stage of a request: no stage is ever dropped in silence. Immutable and thread-safe.
 *
 * @param stages the processors in order, then the sampler, then the stop conditions and engine options
 */
public record GenerationPlan(List<Stage> stages) {
    public GenerationPlan {
        stages = List.copyOf(stages);
    }

    /** Where a stage runs. */
    public enum Placement {
        /** In this JVM, on the full logits. */
        LOCAL,
        /** By the server, by its own parameter. */
        DELEGATED,
        /** By the client, on what the server sends: scan and cut. */
        CLIENT_SIDE,
        /** By the client, token by token over top-K log-probabilities: one request each. */
        STEPWISE,
        /** Not at all: the request will be refused. */
        REJECTED
    }

    /**
     * @param stage what it is, as it prints itself
     * @param reason why it runs there
     * @param exact whether the result is what the full logits would give
     * @param cost what it costs beyond plain decoding; empty if nothing to speak of
     */
    public record Stage(String stage, Placement placement, String reason, boolean exact, String cost) {}

    /** The stages that cannot run. */
    public List<Stage> rejected() {
        return stages.stream().filter(s -> s.placement == Placement.REJECTED).toList();
    }

    /** @throws UnsupportedRequestException naming every rejected stage with its reason */
    public void requireRunnable() {
        if (!rejected().isEmpty()) {
            throw new UnsupportedRequestException(rejected());
        }
    }

    @Override
    public String toString() {
        return stages.stream()
                .map(s -> s.placement + " " + s.stage + (s.reason.isEmpty() ? "" : " (" + s.reason + ")"))
                .collect(Collectors.joining("\n"));
    }
}
