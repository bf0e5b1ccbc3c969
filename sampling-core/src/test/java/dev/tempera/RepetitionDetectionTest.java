package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RepetitionDetectionTest {
    @ParameterizedTest
    @CsvSource({
        "1 2 1 2 1 2, 2, 0, 3, true",
        "1 2 1 2 1 2, 2, 0, 4, false",
        "1 2 1 2 1 2, 1, 0, 2, false",
        "1 2 1 2 1 2, 6, 3, 2, false",
        "1 2 1 2 1 2 1 2, 6, 3, 2, true",
        "9 1 2 1 2, 2, 0, 2, true",
        "1 2 1 2 9, 2, 0, 2, false",
        "5 5, 1, 1, 2, true",
        "5, 1, 1, 2, false",
        "'', 3, 1, 2, false",
        "5 5 5 5, 0, 0, 0, false",
        "5 5 5 5, 2147483647, 2147483647, 2147483647, false",
        "5 5 5 5, 4, 0, 2147483647, false"
    })
    void found(String generated, int maxPatternSize, int minPatternSize, int minCount, boolean expected) {
        List<Integer> ids = Arrays.stream(generated.split(" "))
                .filter(id -> !id.isEmpty())
                .map(Integer::valueOf)
                .toList();
        assertThat(new RepetitionDetection(maxPatternSize, minPatternSize, minCount).found(ids))
                .isEqualTo(expected);
    }

    /** Against its definition: the last size * count tokens are the last size ones, count times. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void found_isThatOfTheDefinition(int distinct) {
        int found = 0;
        for (int seed = 0; seed < 2000; seed++) {
            Random random = new Random(seed);
            int[] generated = random.ints(random.nextInt(20), 0, distinct).toArray();
            int max = random.nextInt(6);
            int min = random.nextInt(max + 1);
            int count = 2 + random.nextInt(3);
            boolean expected = false;
            for (int size = Math.max(1, min); size <= max && size * count <= generated.length; size++) {
                int[] pattern = Arrays.copyOfRange(generated, generated.length - size, generated.length);
                boolean all = true;
                for (int i = 0; i < size * count; i++) {
                    all &= generated[generated.length - size * count + i] == pattern[i % size];
                }
                expected |= all;
            }
            found += expected ? 1 : 0;

            assertThat(new RepetitionDetection(max, min, count)
                            .found(Arrays.stream(generated).boxed().toList()))
                    .as("%s of %d to %d, %d times", Arrays.toString(generated), min, max, count)
                    .isEqualTo(expected);
        }
        assertThat(found).isBetween(20, 1980);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "-1; 0; 2; max_pattern_size must be at least 0, got -1",
                "3; -1; 2; min_pattern_size must be at least 0, got -1",
                "3; 4; 2; min_pattern_size must be at most max_pattern_size (3), got 4",
                "3; 1; 1; min_count must be at least 2, got 1"
            })
    void refused(int maxPatternSize, int minPatternSize, int minCount, String message) {
        assertThatThrownBy(() -> new RepetitionDetection(maxPatternSize, minPatternSize, minCount))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage(message);
    }
}
