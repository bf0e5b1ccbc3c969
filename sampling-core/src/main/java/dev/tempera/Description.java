package dev.tempera;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What a dialect says of the parameters that are set and not neutral. */
final class Description {
    private final Map<String, Object> set;
    private final Map<String, String> clauses = new TreeMap<>();

    Description(SamplingParameters parameters) {
        set = new TreeMap<>(parameters.toMap());
        dropNeutral("temperature", 1);
        dropNeutral("top_p", 1);
        dropNeutral("min_p", 0);
        dropNeutral("top_k", 0);
        dropNeutral("top_k", -1);
        dropNeutral("repetition_penalty", 1);
        dropNeutral("presence_penalty", 0);
        dropNeutral("frequency_penalty", 0);
        dropNeutral("penalty_last_n", -1);
        dropNeutral("min_tokens", 0);
    }

    private void dropNeutral(String name, double neutral) {
        if (set.get(name) instanceof Number value && value.doubleValue() == neutral) {
            set.remove(name);
        }
    }

    void ifSet(String name, String clause) {
        if (set.containsKey(name)) {
            clauses.put(name, clause);
        }
    }

    void add(String name, String clause) {
        clauses.put(name, clause);
    }

    /** One token is certain: what would cut or heat the distribution does nothing. */
    void greedy() {
        clauses.put("temperature", "decodes greedily");
        for (String stage : List.of("top_k", "top_p", "min_p")) {
            ifSet(stage, "ignores it, as it decodes greedily");
            set.remove(stage);
        }
        set.remove("temperature");
    }

    /**
     * The order of those stages that are set, where it matters: top-k commutes with the temperature and with min-p, and
     * stands before top-p in every peer. A single stage has no order.
     */
    void order(String... stages) {
        List<String> present = new ArrayList<>();
        for (String stage : stages) {
            if (set.containsKey(stage)) {
                present.add(stage);
            }
        }
        if (present.size() > 1) {
            clauses.put("order", "applies " + String.join(", then ", present));
        }
    }

    Map<String, String> clauses() {
        return clauses;
    }
}
