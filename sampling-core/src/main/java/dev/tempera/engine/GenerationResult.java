package dev.tempera.engine;

import dev.tempera.SamplingParameters;
import dev.tempera.trace.SamplingTrace;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A whole generation. Immutable and thread-safe. */
public final class GenerationResult {
    private final String text;
    private final List<Integer> tokenIds;
    private final FinishReason finishReason;
    private final Usage usage;
    private final SamplingParameters effectiveParameters;
    private final @Nullable SamplingTrace trace;
    private final @Nullable Logprobs logprobs;
    private final String reasoning;
    private final List<ToolCall> toolCalls;
    private final SortedMap<String, Object> details;

    private GenerationResult(Builder builder) {
        text = builder.text;
        tokenIds = List.copyOf(builder.tokenIds);
        finishReason = Objects.requireNonNull(builder.finishReason, "finishReason");
        usage = Objects.requireNonNull(builder.usage, "usage");
        effectiveParameters = builder.effectiveParameters;
        trace = builder.trace;
        logprobs = builder.logprobs;
        reasoning = builder.reasoning;
        toolCalls = List.copyOf(builder.toolCalls);
        details = Collections.unmodifiableSortedMap(new TreeMap<>(builder.details));
    }

    public static Builder builder() {
        return new Builder();
    }

    /** The text, without a stop string unless it was asked for. */
    public String text() {
        return text;
    }

    /** Generated ids, a stop token included; empty when a remote engine hides them. */
    public List<Integer> tokenIds() {
        return tokenIds;
    }

    public FinishReason finishReason() {
        return finishReason;
    }

    public Usage usage() {
        return usage;
    }

    /** What was in force, the seed that was used included: the same request with these gives the same draws. */
    public SamplingParameters effectiveParameters() {
        return effectiveParameters;
    }

    /** How every token came about; null unless the request asked for it. */
    public @Nullable SamplingTrace trace() {
        return trace;
    }

    /** Of every generated token; null unless the request asked for them. */
    public @Nullable Logprobs logprobs() {
        return logprobs;
    }

    /** What a thinking model thought aloud, where the engine tells it from the text; else empty. */
    public String reasoning() {
        return reasoning;
    }

    /** The tools that the model asks for, where the engine tells them from the text; else empty. */
    public List<ToolCall> toolCalls() {
        return toolCalls;
    }

    /** What else a remote engine said, by the names on its wire: {@code stop_reason}, {@code request_id}, … */
    public SortedMap<String, Object> details() {
        return details;
    }

    @Override
    public String toString() {
        return "GenerationResult[" + finishReason + ", " + usage + ", " + text + "]";
    }

    /** Collects a result. Not thread-safe. */
    public static final class Builder {
        private String text = "";
        private List<Integer> tokenIds = List.of();
        private @Nullable FinishReason finishReason;
        private @Nullable Usage usage;
        private SamplingParameters effectiveParameters = SamplingParameters.NEUTRAL;
        private @Nullable SamplingTrace trace;
        private @Nullable Logprobs logprobs;
        private String reasoning = "";
        private List<ToolCall> toolCalls = List.of();
        private Map<String, ?> details = Map.of();

        private Builder() {}

        public Builder text(String text) {
            this.text = text;
            return this;
        }

        public Builder tokenIds(List<Integer> tokenIds) {
            this.tokenIds = tokenIds;
            return this;
        }

        public Builder finishReason(FinishReason finishReason) {
            this.finishReason = finishReason;
            return this;
        }

        public Builder usage(Usage usage) {
            this.usage = usage;
            return this;
        }

        public Builder effectiveParameters(SamplingParameters parameters) {
            this.effectiveParameters = parameters;
            return this;
        }

        public Builder trace(@Nullable SamplingTrace trace) {
            this.trace = trace;
            return this;
        }

        public Builder logprobs(@Nullable Logprobs logprobs) {
            this.logprobs = logprobs;
            return this;
        }

        public Builder reasoning(String reasoning) {
            this.reasoning = reasoning;
            return this;
        }

        public Builder toolCalls(List<ToolCall> toolCalls) {
            this.toolCalls = toolCalls;
            return this;
        }

        public Builder details(Map<String, ?> details) {
            this.details = details;
            return this;
        }

        public GenerationResult build() {
            return new GenerationResult(this);
        }
    }
}
