package dev.tempera.trace;

import dev.tempera.Dialect;
import dev.tempera.SamplingParameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** How every token of one text came about, recorded by a {@link Tracer}. Immutable and thread-safe. */
public final class SamplingTrace {
    private final Header header;
    private final List<TraceStep> steps;

    /**
     * What holds for all steps.
     *
     * @param model its name; empty when the tracer was not told
     * @param seed of the draws
     * @param parameters as asked for; {@link SamplingParameters#NEUTRAL} when the tracer was not told
     * @param dialect whose rules they follow
     * @param pipeline what ran, as it prints itself: the processors and, last, the sampler
     * @param rows of the LM head
     * @param promptTokenIds what was given
     * @param stopTokenIds ids that end the generation
     * @param markupTokenIds chat markup, which penalties may spare
     * @param takenBack tokens that were drawn and that a processor took back; they are no steps
     */
    public record Header(
            String model,
            long seed,
            SamplingParameters parameters,
            Dialect dialect,
            List<String> pipeline,
            int rows,
            List<Integer> promptTokenIds,
            List<Integer> stopTokenIds,
            List<Integer> markupTokenIds,
            int takenBack) {
        public Header {
            pipeline = List.copyOf(pipeline);
            promptTokenIds = List.copyOf(promptTokenIds);
            stopTokenIds = List.copyOf(stopTokenIds);
            markupTokenIds = List.copyOf(markupTokenIds);
        }
    }

    SamplingTrace(Header header, List<TraceStep> steps) {
        this.header = header;
        this.steps = List.copyOf(steps);
    }

    public Header header() {
        return header;
    }

    /** One for each token generated and kept, in order. */
    public List<TraceStep> steps() {
        return steps;
    }

    /** The text's log-probability as it was drawn: the sum over the steps of {@link TraceStep#exactLogProbability}. */
    public double logProbability() {
        return steps.stream().mapToDouble(TraceStep::exactLogProbability).sum();
    }

    /** The first steps alone: an engine that ends a text early drops what came after. */
    public SamplingTrace first(int tokens) {
        return new SamplingTrace(header, steps.subList(0, Math.min(tokens, steps.size())));
    }

    /**
     * The trace as JSON-shaped objects, one a line: the header, then each step. {@code fromMaps(toMaps())} equals this.
     */
    public List<Map<String, Object>> toMaps() {
        List<Map<String, Object>> maps = new ArrayList<>();
        maps.add(TraceMaps.toMap(header));
        steps.forEach(step -> maps.add(TraceMaps.toMap(step)));
        return maps;
    }

    /**
     * Reads what {@link #toMaps} wrote.
     *
     * @throws dev.tempera.InvalidParametersException if it is no trace; the message names the line, counted from 1
     */
    public static SamplingTrace fromMaps(List<? extends Map<String, ?>> maps) {
        return TraceMaps.fromMaps(maps);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof SamplingTrace that && header.equals(that.header) && steps.equals(that.steps);
    }

    @Override
    public int hashCode() {
        return 31 * header.hashCode() + steps.hashCode();
    }

    @Override
    public String toString() {
        return "SamplingTrace[" + steps.size() + " steps, log-probability " + logProbability() + "]";
    }
}
