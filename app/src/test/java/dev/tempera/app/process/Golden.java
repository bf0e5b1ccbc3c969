package dev.tempera.app.process;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Compares an answer with a golden case; the tolerances are in {@code golden/README.md}. */
final class Golden {
    private Golden() {}

    /** What is wrong with an answer; null if nothing is. */
    static @Nullable String mistake(JsonNode expected, JsonNode answer) {
        if (answer.has("error")) {
            return answer.path("error").asText();
        }
        boolean fragile = expected.path("fragile").asBoolean();
        double[] want = numbers(expected.path("out"));
        double[] got = numbers(answer.path("out"));
        if (want.length != got.length) {
            return got.length + " logits instead of " + want.length;
        }
        if (expected.path("tie_cut").asBoolean()) {
            return tieMistake(kept(want), kept(got), want, got, fragile);
        }
        String mistake = keptMistake(want, got, fragile);
        for (int i = 0; i < want.length && mistake == null; i++) {
            if (want[i] != Double.NEGATIVE_INFINITY && got[i] != Double.NEGATIVE_INFINITY && !close(got[i], want[i])) {
                mistake = "token " + i + ": " + got[i] + " instead of " + want[i];
            }
        }
        if (mistake == null && !fragile && expected.path("probs").size() > 0) {
            mistake = probabilityMistake(probabilities(expected), probabilities(answer));
        }
        return mistake;
    }

    private static @Nullable String tieMistake(
            Set<Integer> wantKept, Set<Integer> gotKept, double[] want, double[] got, boolean fragile) {
        if (wantKept.size() != gotKept.size()) {
            return fragile ? null : "keeps " + gotKept.size() + " instead of " + wantKept.size();
        }
        double[] wantValues =
                wantKept.stream().mapToDouble(i -> want[i]).sorted().toArray();
        double[] gotValues = gotKept.stream().mapToDouble(i -> got[i]).sorted().toArray();
        for (int i = 0; i < wantValues.length; i++) {
            if (!close(gotValues[i], wantValues[i])) {
                return "kept value " + gotValues[i] + " instead of " + wantValues[i];
            }
        }
        return null;
    }

    private static @Nullable String keptMistake(double[] want, double[] got, boolean fragile) {
        Set<Integer> different = new TreeSet<>(kept(want));
        different.addAll(kept(got));
        Set<Integer> both = new TreeSet<>(kept(want));
        both.retainAll(kept(got));
        different.removeAll(both);
        if (fragile) {
            double cut = kept(want).stream().mapToDouble(i -> want[i]).min().orElse(0);
            different.removeIf(i -> Math.abs((got[i] != Double.NEGATIVE_INFINITY ? got[i] : want[i]) - cut)
                    <= 1e-3 * Math.max(1, Math.abs(cut)));
        }
        return different.isEmpty() ? null : "kept or not: tokens " + different;
    }

    private static @Nullable String probabilityMistake(TreeMap<Integer, Double> want, TreeMap<Integer, Double> got) {
        Set<Integer> ids = new TreeSet<>(want.keySet());
        ids.addAll(got.keySet());
        for (int id : ids) {
            double a = got.getOrDefault(id, 0.0);
            double b = want.getOrDefault(id, 0.0);
            if (Math.abs(a - b) > Math.max(1e-6, 1e-4 * Math.abs(b))) {
                return "probability of token " + id + ": " + a + " instead of " + b;
            }
        }
        return null;
    }

    private static boolean close(double a, double b) {
        return a == b || Double.isNaN(a) && Double.isNaN(b) || Math.abs(a - b) <= 1e-5 + 2e-6 * Math.abs(b);
    }

    private static Set<Integer> kept(double[] logits) {
        Set<Integer> kept = new TreeSet<>();
        for (int i = 0; i < logits.length; i++) {
            if (logits[i] != Double.NEGATIVE_INFINITY) {
                kept.add(i);
            }
        }
        return kept;
    }

    private static TreeMap<Integer, Double> probabilities(JsonNode node) {
        TreeMap<Integer, Double> probabilities = new TreeMap<>();
        node.path("probs")
                .forEach(pair ->
                        probabilities.put(pair.path(0).asInt(), pair.path(1).asDouble()));
        return probabilities;
    }

    private static double[] numbers(JsonNode list) {
        List<Double> numbers = new ArrayList<>();
        list.forEach(number -> numbers.add(
                switch (number.asText()) {
                    case "-inf" -> Double.NEGATIVE_INFINITY;
                    case "inf" -> Double.POSITIVE_INFINITY;
                    case "nan" -> Double.NaN;
                    default -> number.asDouble();
                }));
        return numbers.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
