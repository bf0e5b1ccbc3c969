package dev.tempera.engine;

import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.SamplingParameters;
import dev.tempera.SamplingPipeline;
import dev.tempera.trace.Tracer;
import org.jspecify.annotations.Nullable;

/** A prompt and how to sample its continuation. Immutable and thread-safe. */
public final class GenerationRequest {
    private final Prompt prompt;
    private final @Nullable Prompt negativePrompt;
    private final SamplingParameters parameters;
    private final Dialect dialect;
    private final SamplingPipeline pipeline;
    private final EngineOptions engineOptions;
    private final GenerationListener listener;
    private final int traceCandidates;
    private final @Nullable Integer logprobs;

    private GenerationRequest(Builder builder) {
        if (builder.prompt == null) {
            throw new InvalidParametersException("prompt must be given");
        }
        prompt = builder.prompt;
        negativePrompt = builder.negativePrompt;
        parameters = builder.parameters;
        parameters.stopRegex().forEach(StopRegex::compile); // what they refuse is said here, not midway
        dialect = builder.dialect;
        pipeline = builder.pipeline != null ? builder.pipeline : parameters.toPipeline(dialect);
        if (builder.pipeline != null && !parameters.pipelineParameters().isEmpty()) {
            throw new InvalidParametersException(parameters.pipelineParameters().stream()
                    .map(name ->
                            name + " would have no effect beside a pipeline of your own: add it to the pipeline, or"
                                    + " leave it unset")
                    .toList());
        }
        checkNegativePrompt(builder.pipeline != null);
        engineOptions = builder.engineOptions;
        listener = builder.listener;
        traceCandidates = builder.traceCandidates;
        logprobs = builder.logprobs;
    }

    private void checkNegativePrompt(boolean ownPipeline) {
        boolean needed = pipeline.needsLogits().contains(SamplingContext.NEGATIVE);
        if (negativePrompt == null && needed && ownPipeline) {
            throw new InvalidParametersException(
                    "the pipeline needs a negative prompt, which the request does not have:"
                            + " give it one with negativePrompt(...): " + pipeline);
        }
        // A lambda in a pipeline of the caller's own cannot say that it needs the logits.
        if (negativePrompt != null && !needed && !ownPipeline) {
            throw new InvalidParametersException(
                    "the negative prompt would have no effect without guidance_scale: set it,"
                            + " for instance to 1.5, or leave the negative prompt out");
        }
    }

    /** @throws InvalidParametersException if the parameters do not compile in vLLM's dialect */
    public static GenerationRequest of(Prompt prompt, SamplingParameters parameters) {
        return builder().prompt(prompt).parameters(parameters).build();
    }

    public static Builder builder() {
        return new Builder();
    }

    public Prompt prompt() {
        return prompt;
    }

    /** What classifier-free guidance steers away from; null if none was given. */
    public @Nullable Prompt negativePrompt() {
        return negativePrompt;
    }

    /**
     * Whether the engine is to give every step the logits {@link SamplingContext#NEGATIVE}: of the same generated tokens
     * behind the negative prompt. Where none was given, as in transformers, it is the last token of the prompt.
     */
    public boolean isGuided() {
        return negativePrompt != null || pipeline.needsLogits().contains(SamplingContext.NEGATIVE);
    }

    /** What was asked for: also stop conditions, {@code max_tokens} and the seed. */
    public SamplingParameters parameters() {
        return parameters;
    }

    public Dialect dialect() {
        return dialect;
    }

    /** What will run: the caller's own, or the parameters compiled in the dialect. */
    public SamplingPipeline pipeline() {
        return pipeline;
    }

    public EngineOptions engineOptions() {
        return engineOptions;
    }

    public GenerationListener listener() {
        return listener;
    }

    /** How many candidates of each step {@link GenerationResult#trace} lists; 0 for no trace. */
    public int traceCandidates() {
        return traceCandidates;
    }

    /** How many candidates of each step {@link GenerationResult#logprobs} lists; null for no log-probabilities. */
    public @Nullable Integer logprobs() {
        return logprobs;
    }

    /** Collects a request. Not thread-safe. */
    public static final class Builder {
        private @Nullable Prompt prompt;
        private @Nullable Prompt negativePrompt;
        private SamplingParameters parameters = SamplingParameters.NEUTRAL;
        private Dialect dialect = Dialect.VLLM;
        private @Nullable SamplingPipeline pipeline;
        private EngineOptions engineOptions = EngineOptions.NONE;
        private GenerationListener listener = new GenerationListener() {};
        private int traceCandidates;
        private @Nullable Integer logprobs;

        private Builder() {}

        public Builder prompt(Prompt prompt) {
            this.prompt = prompt;
            return this;
        }

        /** What the text is to be unlike, for {@code guidance_scale} or a processor of one's own that needs it. */
        public Builder negativePrompt(@Nullable Prompt prompt) {
            this.negativePrompt = prompt;
            return this;
        }

        public Builder parameters(SamplingParameters parameters) {
            this.parameters = parameters;
            return this;
        }

        public Builder dialect(Dialect dialect) {
            this.dialect = dialect;
            return this;
        }

        /**
         * Replaces what the parameters compile to. They may then give stop conditions, {@code max_tokens} and the seed
         * only; {@link #build} refuses others, which would have no effect.
         */
        public Builder pipeline(SamplingPipeline pipeline) {
            this.pipeline = pipeline;
            return this;
        }

        public Builder engineOptions(EngineOptions options) {
            this.engineOptions = options;
            return this;
        }

        public Builder listener(GenerationListener listener) {
            this.listener = listener;
            return this;
        }

        /** Records how every token came about, see {@link GenerationResult#trace}. Costs some passes over the logits. */
        public Builder trace(boolean trace) {
            return traceCandidates(trace ? Tracer.CANDIDATES : 0);
        }

        /** As {@link #trace}, with this many candidates of each step one by one; 0 records nothing. */
        public Builder traceCandidates(int number) {
            Require.that(number >= 0, "trace candidates", "be at least 0", number);
            traceCandidates = number;
            return this;
        }

        /**
         * Gives log-probabilities of every token, see {@link GenerationResult#logprobs}.
         *
         * @param top how many of the most probable tokens to list beside it; 0 for the generated one alone
         */
        public Builder logprobs(int top) {
            Require.that(top >= 0, "logprobs", "be at least 0", top);
            logprobs = top;
            return this;
        }

        /** @throws InvalidParametersException without a prompt, or with every problem of the parameters in the dialect */
        public GenerationRequest build() {
            return new GenerationRequest(this);
        }
    }
}
