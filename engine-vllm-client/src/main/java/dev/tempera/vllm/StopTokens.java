package dev.tempera.vllm;

import dev.tempera.engine.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Which tokens end a text on a server. No route tells; but a text of one token that may be nothing else says whether it
 * ended because of it. Thread-safe.
 */
final class StopTokens {
    private StopTokens() {}

    /**
     * Asks for every special token of the vocabulary: one short request each, some twenty for most models.
     *
     * @param model that the requests name
     * @throws VllmException if the server fails
     */
    static Set<Integer> of(ServerSteps.Asker asker, Route route, String model, Tokenizer tokenizer) {
        List<Integer> special = new ArrayList<>();
        for (int id = 0; id < tokenizer.size(); id++) {
            if (tokenizer.isToken(id) && tokenizer.isSpecial(id)) {
                special.add(id);
            }
        }
        Set<Integer> stops = new TreeSet<>();
        for (int id : special) {
            if (ends(asker, route, model, id)) {
                stops.add(id);
            }
        }
        return stops;
    }

    private static boolean ends(ServerSteps.Asker asker, Route route, String model, int id) {
        SortedMap<String, Object> sampling = Planner.neutral();
        sampling.put("temperature", 0.0);
        sampling.put("max_tokens", 1);
        sampling.put("allowed_token_ids", List.of(id));
        SortedMap<String, Object> other = new TreeMap<>();
        other.put("model", model);
        try {
            Event event = asker.ask(new SendableRequest(route, sampling, other, new PromptBody.Ids(List.of(id))));
            return event.choices().stream().anyMatch(choice -> "stop".equals(choice.finishReason()));
        } catch (VllmException e) {
            if (e.reason() == Reason.GENERATION_FAILED) {
                return false; // what the model can never draw ends nothing
            }
            throw e;
        }
    }
}
