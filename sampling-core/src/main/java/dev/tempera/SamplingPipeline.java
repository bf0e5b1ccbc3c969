package dev.tempera;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * An ordered list of processors and the sampler that ends it. What is written is what runs, in this order.
 * Immutable and thread-safe. Prints itself as it runs.
 */
public final class SamplingPipeline {
    private final List<LogitsProcessor> processors;
    private final Sampler sampler;

    private final boolean exemptsMarkupFromPenalties;

    private SamplingPipeline(Builder builder) {
        processors = List.copyOf(builder.processors);
        sampler = builder.sampler;
        exemptsMarkupFromPenalties = builder.exemptsMarkupFromPenalties;
    }

    /** Ends in {@link Sampler#CATEGORICAL}. */
    public static SamplingPipeline of(LogitsProcessor... processors) {
        Builder builder = builder();
        builder.processors.addAll(List.of(processors));
        return builder.build();
    }

    public static Builder builder() {
        return new Builder();
    }

    public List<LogitsProcessor> processors() {
        return processors;
    }

    public Sampler sampler() {
        return sampler;
    }

    /** The names of further logits that some processor needs, see {@link LogitsProcessor#needsLogits}; sorted. */
    public SortedSet<String> needsLogits() {
        SortedSet<String> names = new TreeSet<>();
        processors.forEach(processor -> names.addAll(processor.needsLogits()));
        return names;
    }

    /** Whether {@link TokenHistory#counts} leaves out chat markup, so that no penalty touches it. */
    public boolean exemptsMarkupFromPenalties() {
        return exemptsMarkupFromPenalties;
    }

    /** Runs on a sequence without stop tokens; see {@link #start(int[], Vocabulary, int[], long)}. */
    public SequenceSampler start(int[] promptTokenIds, Vocabulary vocabulary, long seed) {
        return start(promptTokenIds, vocabulary, new int[0], seed);
    }

    /**
     * Runs on one sequence: gives every processor its state.
     *
     * @param stopTokenIds ids that end the generation; {@code min_tokens} masks them
     * @throws InvalidParametersException if an id of the prompt is no row of the LM head, or does not suit a processor
     */
    public SequenceSampler start(int[] promptTokenIds, Vocabulary vocabulary, int[] stopTokenIds, long seed) {
        return new SequenceSampler(this, promptTokenIds, vocabulary, stopTokenIds, seed);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("logits");
        for (LogitsProcessor processor : processors) {
            text.append(" -> ").append(processor);
        }
        return text.append(" -> ").append(sampler).toString().replace("\n", "\\n");
    }

    /** Collects processors in the order in which they run. */
    public static final class Builder {
        private final List<LogitsProcessor> processors = new ArrayList<>();
        private Sampler sampler = Sampler.CATEGORICAL;
        private boolean exemptsMarkupFromPenalties;

        private Builder() {}

        public Builder add(LogitsProcessor processor) {
            processors.add(processor);
            return this;
        }

        /** A processor by its registered name, see {@link LogitsProcessors#create}. */
        public Builder add(String name, Map<String, ?> options) {
            return add(LogitsProcessors.create(ProcessorSpec.of(name, options)));
        }

        public Builder sampler(Sampler sampler) {
            this.sampler = sampler;
            return this;
        }

        /** Penalties do not count chat markup; unlike all peers, which make the end of the turn ever less likely. */
        public Builder exemptMarkupFromPenalties(boolean exempt) {
            this.exemptsMarkupFromPenalties = exempt;
            return this;
        }

        public SamplingPipeline build() {
            return new SamplingPipeline(this);
        }
    }
}
