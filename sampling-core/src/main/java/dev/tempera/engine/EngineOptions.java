package dev.tempera.engine;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a request asks of the engine itself, not of sampling. An engine rejects in its plan what it cannot honour.
 * Immutable and thread-safe.
 */
public final class EngineOptions {
    public static final EngineOptions NONE = builder().build();

    private final @Nullable String lora;
    private final @Nullable Integer priority;
    private final @Nullable String cacheSalt;
    private final @Nullable String requestId;
    private final @Nullable String sessionId;
    private final @Nullable StructuredOutput structuredOutput;
    private final SortedMap<String, Object> extraArguments;
    private final SortedMap<String, Object> fields;

    private EngineOptions(Builder builder) {
        lora = builder.lora;
        priority = builder.priority;
        cacheSalt = builder.cacheSalt;
        requestId = builder.requestId;
        sessionId = builder.sessionId;
        structuredOutput = builder.structuredOutput;
        fields = Collections.unmodifiableSortedMap(new TreeMap<>(builder.fields));
        extraArguments = Collections.unmodifiableSortedMap(new TreeMap<>(builder.extraArguments));
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Name of the LoRA adapter to use. */
    public @Nullable String lora() {
        return lora;
    }

    /** Smaller runs earlier. */
    public @Nullable Integer priority() {
        return priority;
    }

    /** Separates this request's prefix cache from others'. */
    public @Nullable String cacheSalt() {
        return cacheSalt;
    }

    /** The request's name in the engine's logs. */
    public @Nullable String requestId() {
        return requestId;
    }

    /** What belongs together goes to the same server, for its cache. */
    public @Nullable String sessionId() {
        return sessionId;
    }

    /** The shape that the text must have. */
    public @Nullable StructuredOutput structuredOutput() {
        return structuredOutput;
    }

    /** Arguments of processors that are the server's own, by name: {@code vllm_xargs}. */
    public SortedMap<String, Object> extraArguments() {
        return extraArguments;
    }

    /** Further fields of the request to a remote engine, by their names on its wire. */
    public SortedMap<String, Object> fields() {
        return fields;
    }

    /** The names of the options that are set. */
    public List<String> names() {
        List<String> names = new ArrayList<>();
        if (lora != null) {
            names.add("lora");
        }
        if (priority != null) {
            names.add("priority");
        }
        if (cacheSalt != null) {
            names.add("cache_salt");
        }
        if (requestId != null) {
            names.add("request_id");
        }
        if (sessionId != null) {
            names.add("session_id");
        }
        if (structuredOutput != null) {
            names.add("structured_output");
        }
        names.addAll(extraArguments.keySet());
        names.addAll(fields.keySet());
        return names;
    }

    /** Collects options. Not thread-safe. */
    public static final class Builder {
        private @Nullable String lora;
        private @Nullable Integer priority;
        private @Nullable String cacheSalt;
        private @Nullable String requestId;
        private @Nullable String sessionId;
        private @Nullable StructuredOutput structuredOutput;
        private Map<String, ?> extraArguments = Map.of();
        private Map<String, ?> fields = Map.of();

        private Builder() {}

        public Builder lora(String name) {
            this.lora = name;
            return this;
        }

        public Builder priority(int priority) {
            this.priority = priority;
            return this;
        }

        public Builder cacheSalt(String salt) {
            this.cacheSalt = salt;
            return this;
        }

        public Builder requestId(String id) {
            this.requestId = id;
            return this;
        }

        public Builder sessionId(String id) {
            this.sessionId = id;
            return this;
        }

        public Builder structuredOutput(StructuredOutput output) {
            this.structuredOutput = output;
            return this;
        }

        public Builder fields(Map<String, ?> fields) {
            this.fields = fields;
            return this;
        }

        public Builder extraArguments(Map<String, ?> arguments) {
            this.extraArguments = arguments;
            return this;
        }

        public EngineOptions build() {
            return new EngineOptions(this);
        }
    }
}
