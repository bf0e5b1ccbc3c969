package dev.tempera.vllm;

import dev.tempera.engine.Tokenizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/** Steps from a server: requests for a few tokens with their likeliest ones, which end at no token of their own accord. */
final class ServerSteps implements Steps {
    /** Sends a request and waits for the whole answer. */
    interface Asker {
        /** @throws VllmException if there is none */
        Event ask(SendableRequest request);

        /** Gives up what is under way. From any thread, any number of times. */
        void cancel();
    }

    private final Asker asker;
    private final Route route;
    private final SortedMap<String, Object> other;
    private final int candidates;
    private final int asked;
    private final Tokenizer tokenizer;

    /**
     * @param planned whose processors run here
     * @param candidates how many tokens of each step to look at
     * @param asked how many to ask for, see {@link StepwiseView#asked}
     * @param tokenizer rows of the model's head that are no token of it are never drawn
     */
    ServerSteps(Asker asker, Planned planned, int candidates, int asked, Tokenizer tokenizer) {
        this.asker = asker;
        this.route = planned.route();
        this.other = planned.other();
        this.candidates = asked < 0 ? Integer.MAX_VALUE : candidates;
        this.asked = asked;
        this.tokenizer = tokenizer;
    }

    @Override
    public List<Step> next(List<Integer> text, Draft draft, int tokens, long seed) {
        SortedMap<String, Object> sampling = Planner.neutral();
        sampling.put("temperature", draft.temperature());
        sampling.put("top_k", draft.topK());
        sampling.put("max_tokens", tokens);
        sampling.put("ignore_eos", true);
        sampling.put("logprobs", asked);
        if (draft.temperature() > 0) {
            sampling.put("seed", seed);
        }
        if (route == Route.GENERATE) {
            sampling.put("detokenize", false);
        }
        SortedMap<String, Object> fields = new TreeMap<>(other);
        fields.remove("request_id"); // every request has one of its own
        if (route != Route.GENERATE) {
            fields.put("return_tokens_as_token_ids", true); // two tokens may have one text
        }
        Event event = asker.ask(new SendableRequest(route, sampling, fields, new PromptBody.Ids(List.copyOf(text))));
        List<Step> steps = new ArrayList<>();
        for (Event.Choice choice : event.choices()) {
            choice.logprobs().forEach(position -> steps.add(step(position)));
        }
        return steps;
    }

    @Override
    public void cancel() {
        asker.cancel();
    }

    /** A server lists what was drawn, too, where it is not among the likeliest: that one goes. */
    private Step step(Event.Position position) {
        List<Event.Candidate> falling = new ArrayList<>(position.top());
        falling.add(position.sampled());
        falling.sort(Comparator.comparingDouble(Event.Candidate::logprob).reversed());
        Set<Integer> seen = new HashSet<>();
        falling.removeIf(c -> !seen.add(c.tokenId()));
        List<Event.Candidate> rising = falling.stream()
                .limit(candidates)
                .filter(c ->
                        c.logprob() > Double.NEGATIVE_INFINITY && c.tokenId() >= 0 && tokenizer.isToken(c.tokenId()))
                .sorted(Comparator.comparingInt(Event.Candidate::tokenId))
                .toList();
        if (rising.isEmpty()) {
            throw new VllmException(Reason.PROTOCOL, "the server listed no token of the vocabulary for a step");
        }
        int[] ids = new int[rising.size()];
        float[] values = new float[ids.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = rising.get(i).tokenId();
            values[i] = (float) rising.get(i).logprob();
        }
        return new Step(position.sampled().tokenId(), ids, values);
    }
}
