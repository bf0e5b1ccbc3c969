package dev.tempera.vllm;

import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import dev.tempera.engine.GenerationPlan;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.UnsupportedRequestException;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * How a request runs on a server, and everything that is sent for it but the prompt.
 *
 * @param route that has all that the request needs
 * @param tokenNative whether ids come back and are decoded here; otherwise the server's text is taken as it is
 * @param stepwise how the processors run here; null if the server runs them all
 * @param streamed whether the server streams it; false for what it only answers as a whole
 * @param sampling the complete set of sampling parameters but max_tokens
 * @param other further fields of the body
 * @param effective the parameters in force; max_tokens is not cut to the context yet
 * @param contextLength of the server; null if it does not tell
 */
record Planned(
        GenerationRequest request,
        GenerationPlan plan,
        Route route,
        boolean tokenNative,
        @Nullable Stepwise stepwise,
        boolean streamed,
        SortedMap<String, Object> sampling,
        SortedMap<String, Object> other,
        SamplingParameters effective,
        @Nullable Integer contextLength,
        boolean stepwiseAllowed) {
    Planned {
        sampling = Collections.unmodifiableSortedMap(new TreeMap<>(sampling));
        other = Collections.unmodifiableSortedMap(new TreeMap<>(other));
    }

    /** The same with another plan: what it says is more than this decides. */
    Planned withPlan(GenerationPlan more) {
        return new Planned(
                request,
                more,
                route,
                tokenNative,
                stepwise,
                streamed,
                sampling,
                other,
                effective,
                contextLength,
                stepwiseAllowed);
    }

    /** @throws UnsupportedRequestException naming every stage that cannot run, or that may not run stepwise */
    void requireRunnable() {
        plan.requireRunnable();
        if (stepwise != null && !stepwiseAllowed) {
            throw new UnsupportedRequestException(plan.stages().stream()
                    .filter(stage -> stage.placement() == GenerationPlan.Placement.STEPWISE)
                    .filter(stage -> !stage.reason().startsWith(Planner.OTHERS)) // these are not to blame
                    .map(Planned::withAdvice)
                    .toList());
        }
    }

    private static GenerationPlan.Stage withAdvice(GenerationPlan.Stage stage) {
        return new GenerationPlan.Stage(
                stage.stage(),
                stage.placement(),
                stage.reason().split("; ")[0] + "; builder.allowStepwise(true) runs it here, token by token",
                stage.exact(),
                stage.cost());
    }

    /**
     * How many tokens may be generated.
     *
     * @param promptTokens how many tokens the prompt has; -1 if that is not known
     * @return null if the server is to fill the context
     * @throws InvalidParametersException if the prompt does not fit the context
     */
    @Nullable
    Integer maxTokens(int promptTokens) {
        Integer asked = effective.maxTokens();
        if (contextLength == null) {
            return asked;
        }
        if (promptTokens < 0) {
            // The server cuts to what the prompt leaves, but refuses more than the whole context; for want of a number
            // it fills the context with a chat, and gives other texts 16 tokens.
            int most = asked == null ? contextLength : Math.min(asked, contextLength);
            return asked == null && route == Route.CHAT ? null : Integer.valueOf(most);
        }
        int room = Limits.room(promptTokens, contextLength, String.valueOf(other.get("model")));
        return asked == null ? Integer.valueOf(room) : Integer.valueOf(Math.min(asked, room));
    }

    /** The parameters in force for a prompt of so many tokens; -1 if that is not known. */
    SamplingParameters effective(int promptTokens) {
        Integer most = maxTokens(promptTokens);
        if (most == null) {
            return effective;
        }
        SamplingParameters.Builder cut = effective.toBuilder().maxTokens(most);
        Integer least = effective.minTokens();
        return (least == null || least <= most ? cut : cut.minTokens(most)).build();
    }

    /**
     * The request for a prompt.
     *
     * @param promptTokens how many tokens the prompt has; -1 if that is not known
     * @throws InvalidParametersException if the prompt does not fit the context, or the server would generate 16 tokens
     *     for want of max_tokens
     */
    SendableRequest toSend(PromptBody prompt, int promptTokens) {
        Integer most = maxTokens(promptTokens);
        if (most == null && route == Route.COMPLETIONS) {
            throw new InvalidParametersException(
                    "max_tokens must be set: the server would generate 16 tokens, and neither"
                            + " the length of the prompt nor of the context is known here");
        }
        SortedMap<String, Object> complete = new TreeMap<>(sampling);
        if (most != null) {
            complete.put("max_tokens", most);
            if (complete.get("min_tokens") instanceof Integer least && least > most) {
                complete.put("min_tokens", most);
            }
        }
        return new SendableRequest(route, complete, other, prompt);
    }
}
