package dev.tempera;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** What a dialect says of the parameters that are set and not neutral. */
final class Description {
    private static final String DROPS = "drops it, ";

    private final Set<String> set;
    private final Map<String, String> clauses = new TreeMap<>();

    Description(SamplingParameters parameters) {
        set = new TreeSet<>();
        parameters.effective().forEach(parameter -> set.add(parameter.wireName()));
    }

    void ifSet(String name, String clause) {
        if (set.contains(name)) {
            clauses.put(name, clause);
        }
    }

    void add(String name, String clause) {
        clauses.put(name, clause);
    }

    /** The peer does not run it, whatever it is set to. */
    void drop(String name, String why) {
        ifSet(name, DROPS + why);
        set.remove(name);
    }

    static boolean isDropped(Map<String, String> clauses, String name) {
        return clauses.getOrDefault(name, "").startsWith(DROPS);
    }

    /** One token is certain: what would cut or heat the distribution does nothing. */
    void greedy() {
        clauses.put("temperature", "decodes greedily");
        for (String stage : List.of("top_k", "top_p", "min_p", "smoothing_factor", "tfs", "top_a")) {
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
            if (set.contains(stage)) {
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
