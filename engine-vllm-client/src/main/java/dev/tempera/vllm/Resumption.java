package dev.tempera.vllm;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Continues a generation whose connection broke: its prompt and the ids received so far are the prompt of a further
 * request, which the server's prefix cache makes cheap. The text follows the same distribution as if nothing had
 * happened, if what the server does at a step depends on nothing but the ids before it; greedy decoding gives the same
 * text, up to ties of rounding.
 */
final class Resumption {
    /** Their meaning depends on which ids are prompt and which are output, or on a state that is lost with the request. */
    private static final Map<String, String> OBSTACLES = Map.of(
            "presence_penalty", "counts output only",
            "frequency_penalty", "counts output only",
            "bad_words", "is matched against output only",
            "structured_outputs", "would begin its grammar anew",
            "response_format", "would begin its grammar anew",
            "thinking_token_budget", "would begin to count anew",
            "vllm_xargs", "means what the server's processor makes of it",
            "extra_args", "means what the server's processor makes of it");

    private Resumption() {}

    /** Why a request cannot be continued without changing its distribution; empty if it can. */
    static String obstacle(Planned planned) {
        if (!planned.tokenNative()) {
            return "the server's text is taken, and it keeps back characters that are not whole:"
                    + " with builder.tokenizer(...) token ids are";
        }
        if (planned.stepwise() != null) {
            return "every step is a request of its own";
        }
        for (Map.Entry<String, String> each : new TreeMap<>(OBSTACLES).entrySet()) {
            Object value = planned.sampling().containsKey(each.getKey())
                    ? planned.sampling().get(each.getKey())
                    : planned.other().get(each.getKey());
            if (value != null && !isNeutral(value)) {
                return each.getKey() + " " + each.getValue();
            }
        }
        if (planned.sampling().get("seed") != null && !isGreedy(planned)) {
            return "seed: the server would draw the same random numbers again from the first on";
        }
        return "";
    }

    private static boolean isNeutral(Object value) {
        return value instanceof Number number && number.doubleValue() == 0;
    }

    private static boolean isGreedy(Planned planned) {
        return planned.sampling().get("temperature") instanceof Number t && t.doubleValue() < 1e-5;
    }

    /**
     * The request for the rest.
     *
     * @param prompt of the first request
     * @param received ids, from the first on
     * @return null if nothing is left to generate
     */
    static @Nullable SendableRequest rest(SendableRequest first, List<Integer> prompt, List<Integer> received) {
        SortedMap<String, Object> sampling = new TreeMap<>(first.sampling());
        if (sampling.get("max_tokens") instanceof Integer most) {
            if (most <= received.size()) {
                return null;
            }
            sampling.put("max_tokens", most - received.size());
        }
        if (sampling.get("min_tokens") instanceof Integer least) {
            sampling.put("min_tokens", Math.max(0, least - received.size()));
        }
        List<Integer> ids = new ArrayList<>(prompt);
        ids.addAll(received);
        return new SendableRequest(first.route(), sampling, first.other(), new PromptBody.Ids(ids));
    }
}
