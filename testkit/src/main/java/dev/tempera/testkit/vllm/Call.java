package dev.tempera.testkit.vllm;

import dev.tempera.SamplingParameters;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A request for text, read and found good.
 *
 * @param prompts each as token ids
 * @param maxTokens null for the rest of the context
 * @param logprobs how many; -1 for all, null for none
 * @param logprobTokenIds instead of the best ones; empty if not asked for
 * @param promptLogprobs as logprobs
 * @param textMode whether the generate route also gives text
 * @param specialTokens whether the text shows them
 * @param choices the only texts that may come; null if any may
 * @param toolCall whether the answer is a call of the tool that the server was told of
 */
record Call(
        Route route,
        List<int[]> prompts,
        SamplingParameters parameters,
        int n,
        @Nullable Integer maxTokens,
        boolean stream,
        boolean includeUsage,
        boolean continuousUsage,
        @Nullable Integer logprobs,
        List<Integer> logprobTokenIds,
        @Nullable Integer promptLogprobs,
        boolean echo,
        boolean returnTokenIds,
        boolean tokensAsTokenIds,
        boolean textMode,
        boolean specialTokens,
        @Nullable List<String> choices,
        boolean toolCall) {
    enum Route {
        COMPLETIONS("/v1/completions", "cmpl-"),
        CHAT("/v1/chat/completions", "chatcmpl-"),
        GENERATE("/inference/v1/generate", "generate-tokens-");

        final String path;
        final String idPrefix;

        Route(String path, String idPrefix) {
            this.path = path;
            this.idPrefix = idPrefix;
        }

        static @Nullable Route of(String path) {
            for (Route route : values()) {
                if (route.path.equals(path)) {
                    return route;
                }
            }
            return null;
        }
    }
}
