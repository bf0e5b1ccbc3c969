package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class TokenBufferTest {
    private static final int[] WINDOWS = {1, 2, 5, 64, Integer.MAX_VALUE};

    /** Appending, cutting back and asking in any order: the counts are those of counting anew. */
    @Test
    void counts_areThoseOfARecount() {
        for (long seed = 0; seed < 60; seed++) {
            Random random = new Random(seed);
            int distinct = 1 + random.nextInt(seed % 3 == 0 ? 500 : 12);
            int[] prompt = random.ints(random.nextInt(200), 0, distinct).toArray();
            boolean sparesEven = random.nextBoolean();
            TokenBuffer history = new TokenBuffer(prompt, id -> !sparesEven || id % 2 == 1);
            List<Integer> naive = new ArrayList<>();
            for (int id : prompt) {
                naive.add(id);
            }
            for (int step = 0; step < 300; step++) {
                if (random.nextInt(20) == 0) {
                    int size = prompt.length + random.nextInt(naive.size() - prompt.length + 1);
                    history.truncate(size);
                    naive.subList(size, naive.size()).clear();
                } else {
                    int id = random.nextInt(distinct);
                    history.append(id);
                    naive.add(id);
                }
                TokenScope scope = TokenScope.values()[random.nextInt(2)];
                int window = WINDOWS[random.nextInt(WINDOWS.length)];
                assertThat(asMap(history.counts(scope, window)))
                        .as("seed %d, step %d, %s of the last %d", seed, step, scope, window)
                        .isEqualTo(recount(naive, prompt.length, scope, window, sparesEven));
                assertThat(history.size()).isEqualTo(naive.size());
                assertThat(history.promptSize()).isEqualTo(prompt.length);
                assertThat(history.generatedSize()).isEqualTo(naive.size() - prompt.length);
            }
            for (int i = 0; i < naive.size(); i++) {
                assertThat(history.get(i)).isEqualTo(naive.get(i));
            }
        }
    }

    /** A processor may keep the view: it is the same one before and after tokens are taken back. */
    @Test
    void counts_keptView_goesBackWithTheHistory() {
        TokenBuffer history = new TokenBuffer(new int[] {1, 2}, id -> true);
        TokenCounts all = history.counts(TokenScope.PROMPT_AND_GENERATED, Integer.MAX_VALUE);
        TokenCounts lastTwo = history.counts(TokenScope.GENERATED, 2);
        for (int id : new int[] {3, 3, 1, 4}) {
            history.append(id);
        }
        assertThat(asMap(all)).isEqualTo(Map.of(1, 2, 2, 1, 3, 2, 4, 1));
        assertThat(asMap(lastTwo)).isEqualTo(Map.of(1, 1, 4, 1));

        history.truncate(3);

        assertThat(asMap(all)).isEqualTo(Map.of(1, 1, 2, 1, 3, 1));
        assertThat(asMap(lastTwo)).isEqualTo(Map.of(3, 1));
        history.append(5);
        history.append(5);
        assertThat(asMap(all)).isEqualTo(Map.of(1, 1, 2, 1, 3, 1, 5, 2));
        assertThat(asMap(lastTwo)).isEqualTo(Map.of(5, 2));
        assertThat(history.counts(TokenScope.GENERATED, 2)).isSameAs(lastTwo);
    }

    private static Map<Integer, Integer> recount(
            List<Integer> ids, int promptSize, TokenScope scope, int window, boolean sparesEven) {
        Map<Integer, Integer> counts = new TreeMap<>();
        for (int i = 0; i < ids.size(); i++) {
            boolean inScope = scope == TokenScope.PROMPT_AND_GENERATED || i >= promptSize;
            boolean inWindow = ids.size() - i <= (long) window;
            if (inScope && inWindow && (!sparesEven || ids.get(i) % 2 == 1)) {
                counts.merge(ids.get(i), 1, Integer::sum);
            }
        }
        return counts;
    }

    private static Map<Integer, Integer> asMap(TokenCounts counts) {
        Map<Integer, Integer> map = new TreeMap<>();
        for (int i = 0; i < counts.size(); i++) {
            assertThat(counts.countOf(counts.tokenId(i))).isEqualTo(counts.count(i));
            if (counts.count(i) != 0) {
                assertThat(map.put(counts.tokenId(i), counts.count(i))).isNull();
            }
        }
        assertThat(counts.countOf(1_000_003)).isZero();
        return map;
    }

    @Test
    void get_outsideTheHistory_saysWhere() {
        TokenBuffer history = new TokenBuffer(new int[] {5}, id -> true);

        assertThat(history.get(0)).isEqualTo(5);
        assertThatThrownBy(() -> history.get(1))
                .isInstanceOf(IndexOutOfBoundsException.class)
                .hasMessage("position 1 of a history of 1 tokens");
        assertThatThrownBy(() -> history.get(-1)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void truncate_intoThePromptOrBeyondTheEnd_isRefused() {
        TokenBuffer history = new TokenBuffer(new int[] {5, 6}, id -> true);
        history.append(7);

        for (int size : new int[] {1, 4}) {
            assertThatThrownBy(() -> history.truncate(size))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("cannot cut a history of 3 tokens (2 of the prompt) to " + size);
        }
    }
}
