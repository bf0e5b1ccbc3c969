package dev.tempera.engine;

import java.util.Collections;
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
    private final SortedMap<String, Object> extraArguments;

    private EngineOptions(Builder builder) {
        lora = builder.lora;
        priority = builder.priority;
        cacheSalt = builder.cacheSalt;
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

    /** Passed to the engine as they are, by name. */
    public SortedMap<String, Object> extraArguments() {
        return extraArguments;
    }

    /** The names of the options that are set. */
    public java.util.List<String> names() {
        java.util.List<String> names = new java.util.ArrayList<>();
        if (lora != null) {
            names.add("lora");
        }
        if (priority != null) {
            names.add("priority");
        }
        if (cacheSalt != null) {
            names.add("cache_salt");
        }
        names.addAll(extraArguments.keySet());
        return names;
    }

    /** Collects options. Not thread-safe. */
    public static final class Builder {
        private @Nullable String lora;
        private @Nullable Integer priority;
        private @Nullable String cacheSalt;
        private Map<String, ?> extraArguments = Map.of();

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

        public Builder extraArguments(Map<String, ?> arguments) {
            this.extraArguments = arguments;
            return this;
        }

        public EngineOptions build() {
            return new EngineOptions(this);
        }
    }
}
