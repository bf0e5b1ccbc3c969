package dev.tempera.processor;

import dev.tempera.Vocabulary;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/** Token sequences that a repetition does not cross, by their first token. Immutable. */
final class SequenceBreakers {
    /** A pass over a large vocabulary takes longer than a token: sequences with the same breakers share one. */
    private static final Map<Vocabulary, Found> LATEST = Collections.synchronizedMap(new WeakHashMap<>());

    private final int[] heads; // ascending, once per sequence
    private final int[][] tails; // what follows the head; of one head, the longest first

    private SequenceBreakers(List<int[]> sequences) {
        List<int[]> sorted = new ArrayList<>(sequences);
        sorted.sort(Comparator.<int[]>comparingInt(sequence -> sequence[0])
                .thenComparing(Comparator.<int[]>comparingInt(sequence -> sequence.length)
                        .reversed()));
        heads = sorted.stream().mapToInt(sequence -> sequence[0]).toArray();
        tails = sorted.stream()
                .map(sequence -> Arrays.copyOfRange(sequence, 1, sequence.length))
                .toArray(int[][]::new);
    }

    static SequenceBreakers of(List<List<Integer>> tokenIds, List<String> texts, Vocabulary vocabulary) {
        if (texts.isEmpty()) {
            return new SequenceBreakers(sequences(tokenIds));
        }
        Found latest = LATEST.get(vocabulary);
        if (latest == null || !latest.tokenIds.equals(tokenIds) || !latest.texts.equals(texts)) {
            List<int[]> sequences = sequences(tokenIds);
            addOverlapping(texts, vocabulary, sequences);
            latest = new Found(tokenIds, texts, new SequenceBreakers(sequences));
            LATEST.put(vocabulary, latest);
        }
        return latest.breakers;
    }

    private static List<int[]> sequences(List<List<Integer>> tokenIds) {
        List<int[]> sequences = new ArrayList<>();
        for (List<Integer> sequence : tokenIds) {
            sequences.add(TokenIds.array(sequence));
        }
        return sequences;
    }

    /** How many of the newest tokens stand after the nearest breaker; {@code size} without one. */
    int tokensAfter(int[] newestFirst, int size) {
        for (int i = 0; i < size && heads.length > 0; i++) {
            int length = lengthAt(newestFirst, i);
            if (length > 0) {
                return i + 1 - length;
            }
        }
        return size;
    }

    /** Whether the token alone is a breaker. */
    boolean breaks(int tokenId) {
        int i = lastOf(tokenId);
        return i >= 0 && tails[i].length == 0;
    }

    /** Tokens of the longest breaker that begins at this position; 0 if none does. */
    private int lengthAt(int[] newestFirst, int position) {
        for (int i = firstOf(newestFirst[position]); i >= 0 && i < heads.length; i++) {
            if (heads[i] != newestFirst[position]) {
                return 0;
            }
            if (follows(tails[i], newestFirst, position)) {
                return 1 + tails[i].length;
            }
        }
        return 0;
    }

    private static boolean follows(int[] tail, int[] newestFirst, int head) {
        if (tail.length > head) {
            return false;
        }
        for (int i = 0; i < tail.length; i++) {
            if (newestFirst[head - 1 - i] != tail[i]) {
                return false;
            }
        }
        return true;
    }

    private int firstOf(int tokenId) {
        int i = Arrays.binarySearch(heads, tokenId);
        while (i > 0 && heads[i - 1] == tokenId) {
            i--;
        }
        return i;
    }

    private int lastOf(int tokenId) {
        int i = Arrays.binarySearch(heads, tokenId);
        while (i >= 0 && i + 1 < heads.length && heads[i + 1] == tokenId) {
            i++;
        }
        return i;
    }

    /**
     * Every way in which a text can begin inside a token: a token that contains it, and a token that ends in its
     * beginning, followed by the tokens of the rest.
     */
    private static void addOverlapping(List<String> texts, Vocabulary vocabulary, List<int[]> sequences) {
        List<TextBreaker> breakers = texts.stream().map(TextBreaker::new).toList();
        for (int tokenId = 0; tokenId < vocabulary.rows(); tokenId++) {
            if (vocabulary.isToken(tokenId)) {
                byte[] bytes = vocabulary.bytes(tokenId);
                for (TextBreaker breaker : breakers) {
                    breaker.addWays(tokenId, bytes, vocabulary, sequences);
                }
            }
        }
    }

    private record Found(List<List<Integer>> tokenIds, List<String> texts, SequenceBreakers breakers) {}

    /** One text, and the tokens of its ends once they were asked for. */
    private static final class TextBreaker {
        private final byte[] text;
        private final int[] @Nullable [] ends;

        TextBreaker(String text) {
            this.text = text.getBytes(StandardCharsets.UTF_8);
            this.ends = new int[this.text.length][];
        }

        void addWays(int tokenId, byte[] token, Vocabulary vocabulary, List<int[]> sequences) {
            for (int start = 0; start < token.length; start++) {
                int common = Math.min(text.length, token.length - start);
                if (Arrays.equals(token, start, start + common, text, 0, common)) {
                    if (common == text.length) {
                        sequences.add(new int[] {tokenId});
                    } else if (!isInsideCharacter(common)) {
                        sequences.add(join(tokenId, endFrom(common, vocabulary)));
                    }
                }
            }
        }

        private boolean isInsideCharacter(int i) {
            return (text[i] & 0xC0) == 0x80;
        }

        private int[] endFrom(int i, Vocabulary vocabulary) {
            int[] end = ends[i];
            if (end == null) {
                end = vocabulary.encode(new String(text, i, text.length - i, StandardCharsets.UTF_8));
                ends[i] = end;
            }
            return end;
        }

        private static int[] join(int head, int[] tail) {
            int[] sequence = new int[1 + tail.length];
            sequence[0] = head;
            System.arraycopy(tail, 0, sequence, 1, tail.length);
            return sequence;
        }
    }
}
