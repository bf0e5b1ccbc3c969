package dev.tempera.vllm;

import dev.tempera.engine.Logprobs;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a server can do, as found out by asking it: a request that needs what is missing is refused before it is sent,
 * because vLLM ignores fields that it does not know. Null means that the server did not tell. Immutable and thread-safe.
 *
 * @param server its base address
 * @param version of vLLM, {@code 0.32.0}
 * @param fingerprint {@code system_fingerprint}: version, parallelism and a hash of the configuration
 * @param frontend who answers at that address
 * @param models that are served, LoRA adapters included
 * @param model the one of them that requests go to unless they name an adapter
 * @param contextLength how many tokens a prompt and its continuation may have together
 * @param maxLogprobs how many candidates of a step the server lists at most; -1 for as many as there are tokens
 * @param logprobsStage what the server's log-probabilities are of
 * @param tokenRoute whether {@code /inference/v1/generate} is there, and its dialect
 * @param returnsTokenIds whether the other routes return token ids ({@code return_token_ids})
 * @param tokenization a hash of the ids that {@code /tokenize} gives a probe text, the same for the same tokenizer; null
 *     if it is not there
 * @param sameTokenizer whether the local tokenizer gives the server's ids for a probe text; null without a local
 *     tokenizer, too
 * @param prefixCaching whether the beginnings of prompts are kept for later requests
 * @param blockSize how many tokens the prefix cache keeps together: a prompt's last, partial block is computed again
 */
public record Capabilities(
        URI server,
        @Nullable String version,
        @Nullable String fingerprint,
        Frontend frontend,
        List<ServedModel> models,
        String model,
        @Nullable Integer contextLength,
        @Nullable Integer maxLogprobs,
        Logprobs.@Nullable Stage logprobsStage,
        TokenRoute tokenRoute,
        boolean returnsTokenIds,
        @Nullable Integer tokenization,
        @Nullable Boolean sameTokenizer,
        @Nullable Boolean prefixCaching,
        @Nullable Integer blockSize) {
    public Capabilities {
        models = List.copyOf(models);
    }

    /** Who answers: their errors and limits differ. */
    public enum Frontend {
        /** vLLM's FastAPI server since 0.10.1 or so: errors are objects under {@code error}. */
        PYTHON,
        /** vLLM's FastAPI server before: errors are flat objects; fields such as {@code structured_outputs} are unknown. */
        PYTHON_OLD,
        /** vLLM's experimental server in Rust: one choice only, {@code model} is required. */
        RUST,
        /** It could not be told: a gateway answers, for instance. */
        UNKNOWN
    }

    /** How {@code /inference/v1/generate}, token ids in and token ids out, answers. */
    public enum TokenRoute {
        /** It is not there: {@code /v1/completions} takes and returns ids instead. */
        NONE,
        /** Log-probabilities name tokens as {@code "token_id:5"}. */
        NAMED_TOKENS,
        /** Log-probabilities have {@code token_id} numbers and ranks. */
        NUMBERED_TOKENS
    }

    /**
     * @param parent the base model of a LoRA adapter; null for a base model
     * @param contextLength null for an adapter, and where the server does not tell
     */
    public record ServedModel(
            String id, @Nullable String parent, @Nullable Integer contextLength) {}

    /** Whether {@code /tokenize} is there. */
    public boolean tokenizes() {
        return tokenization != null;
    }

    /** The names of the LoRA adapters that are loaded. */
    public List<String> adapters() {
        return models.stream()
                .filter(m -> m.parent != null)
                .map(ServedModel::id)
                .toList();
    }

    /** Whether vLLM's version is at least that; empty if it is not known, or no release. */
    Optional<Boolean> isAtLeast(int major, int minor) {
        if (version == null) {
            return Optional.empty();
        }
        String[] parts = version.split("[^0-9]+");
        if (parts.length < 2 || parts[0].isEmpty()) {
            return Optional.empty();
        }
        int foundMajor = Integer.parseInt(parts[0]);
        int foundMinor = Integer.parseInt(parts[1]);
        return Optional.of(foundMajor > major || foundMajor == major && foundMinor >= minor);
    }
}
