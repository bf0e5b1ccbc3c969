package dev.tempera.evaluation;

import dev.tempera.Require;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How much texts that answer one prompt differ from each other. Immutable and thread-safe.
 *
 * <p>All three figures depend on length: compare texts of about the same length only, and no less than some ten of them.
 *
 * @param texts how many there were
 * @param distinct1 {@link #distinct} for words
 * @param distinct2 {@link #distinct} for pairs of words
 * @param selfBleu4 {@link #selfBleu4}; null for fewer than two texts
 */
public record Diversity(
        int texts,
        double distinct1,
        double distinct2,
        @Nullable Double selfBleu4) {
    private static final int MAX_ORDER = 4;

    /** The figures of texts, cut into words by {@link Words}. */
    public static Diversity of(List<String> texts) {
        List<List<String>> words = texts.stream().map(Words::of).toList();
        return new Diversity(
                texts.size(), distinct(words, 1), distinct(words, 2), texts.size() < 2 ? null : selfBleu4(words));
    }

    /**
     * distinct-n: different n-grams divided by all n-grams, over all texts together; no n-gram crosses from one text to
     * the next. 1 when nothing is said twice, near 0 when everything is; 0 when no text has n words.
     *
     * <p>Source: Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation Models", arXiv
     * 1510.03055, which divides by the number of words; dividing by the number of n-grams is what later work does.
     *
     * @param n at least 1
     */
    public static double distinct(List<List<String>> texts, int n) {
        Require.that(n >= 1, "n", "be at least 1", n);
        Set<List<String>> different = new HashSet<>();
        long all = 0;
        for (List<String> words : texts) {
            for (int i = 0; i + n <= words.size(); i++) {
                different.add(words.subList(i, i + n));
                all++;
            }
        }
        return all == 0 ? 0 : (double) different.size() / all;
    }

    /**
     * Self-BLEU-4: the mean, over the texts, of a text's BLEU against all others as references. In [0, 1]; 1 when all
     * are the same, so a high figure means little diversity. An empty text scores 0.
     *
     * <p>BLEU = brevity penalty × geometric mean of the clipped precisions of 1- to 4-grams. A text shorter than four
     * words is measured by the orders it has; the k-th order without any match counts as half a match, a quarter, … of
     * one n-gram (2<sup>-k</sup>); the brevity penalty takes the reference of the nearest length, the shorter of two.
     * Equals sacrebleu's {@code sentence_bleu} (its defaults: exponential smoothing, effective order) divided by 100.
     *
     * <p>Source: Zhu et al. 2018, "Texygen: A Benchmarking Platform for Text Generation Models", arXiv 1802.01886;
     * Papineni et al. 2002, "BLEU".
     *
     * @throws dev.tempera.InvalidParametersException for fewer than two texts
     */
    public static double selfBleu4(List<List<String>> texts) {
        Require.that(texts.size() >= 2, "self-BLEU", "be taken of at least 2 texts", texts.size());
        // By order and n-gram, the most that any text has, and the most that any other has: a text's references are
        // all but itself, and counting them anew for each would take quadratic time.
        Map<List<String>, Most> most = new HashMap<>();
        for (int text = 0; text < texts.size(); text++) {
            for (int n = 1; n <= MAX_ORDER; n++) {
                int owner = text;
                counts(texts.get(text), n)
                        .forEach((gram, count) ->
                                most.computeIfAbsent(gram, key -> new Most()).add(count, owner));
            }
        }
        double sum = 0;
        for (int text = 0; text < texts.size(); text++) {
            sum += bleu(texts, text, most);
        }
        return sum / texts.size();
    }

    private static double bleu(List<List<String>> texts, int text, Map<List<String>, Most> most) {
        List<String> words = texts.get(text);
        int orders = Math.min(MAX_ORDER, words.size());
        double logSum = 0;
        double smoothing = 1;
        boolean anyMatch = false;
        for (int n = 1; n <= orders; n++) {
            int all = words.size() - n + 1;
            int matches = 0;
            for (Map.Entry<List<String>, Integer> gram : counts(words, n).entrySet()) {
                matches += Math.min(
                        gram.getValue(),
                        Objects.requireNonNull(most.get(gram.getKey())).without(text));
            }
            anyMatch |= matches > 0;
            if (matches == 0) {
                smoothing /= 2;
            }
            logSum += Math.log((matches > 0 ? matches : smoothing) / all);
        }
        return anyMatch ? brevityPenalty(texts, text) * Math.exp(logSum / orders) : 0;
    }

    private static double brevityPenalty(List<List<String>> texts, int text) {
        int length = texts.get(text).size();
        int nearest = Integer.MAX_VALUE;
        for (int other = 0; other < texts.size(); other++) {
            int candidate = texts.get(other).size();
            int closer = Integer.compare(Math.abs(candidate - length), Math.abs(nearest - length));
            if (other != text && (closer < 0 || closer == 0 && candidate < nearest)) {
                nearest = candidate;
            }
        }
        return length >= nearest ? 1 : Math.exp(1 - (double) nearest / length);
    }

    private static Map<List<String>, Integer> counts(List<String> words, int n) {
        Map<List<String>, Integer> counts = new HashMap<>();
        for (int i = 0; i + n <= words.size(); i++) {
            counts.merge(words.subList(i, i + n), 1, Integer::sum);
        }
        return counts;
    }

    /** The most often that one text has an n-gram, and the most often that another has it. */
    private static final class Most {
        private int owner = -1;
        private int first;
        private int second;

        void add(int count, int text) {
            if (count > first) {
                second = first;
                first = count;
                owner = text;
            } else if (count > second) {
                second = count;
            }
        }

        int without(int text) {
            return text == owner ? second : first;
        }
    }
}
