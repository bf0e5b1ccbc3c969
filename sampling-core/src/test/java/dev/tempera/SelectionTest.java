package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** {@link KthLargest} and {@link Tournament} against a full sort. */
class SelectionTest {
    private final KthLargest kthLargest = new KthLargest();
    private final Tournament tournament = new Tournament(kthLargest);

    @ParameterizedTest
    @EnumSource
    void kthLargest_isTheSortedKth(RandomLogits kind) {
        Random random = new Random(kind.ordinal());
        for (int size : new int[] {1, 2, 7, 127, 128, 129, 1000, 30_000}) {
            float[] values = kind.of(size, random);
            float[] falling = falling(values);
            for (int k : new int[] {1, 2, 50, 128, 129, size / 2, size - 1, size}) {
                if (k >= 1 && k <= size) {
                    float expected = k <= falling.length ? falling[k - 1] : Float.NEGATIVE_INFINITY;
                    float found = kthLargest.of(values, size, k);
                    assertThat(found == expected)
                            .as("%s, k = %s of %s: %s, expected %s", kind, k, size, found, expected)
                            .isTrue();
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void tournament_findsTheLargest(RandomLogits kind) {
        Random random = new Random(kind.ordinal());
        for (int size : new int[] {1, 511, 512, 8191, 8192, 8193, 32_000}) {
            float[] values = kind.of(size, random);
            float[] falling = falling(values);
            float max = tournament.play(values, size);

            assertThat(max == falling[0]).as("max of %s, %s", kind, size).isTrue();
            assertThat(tournament.firstAt(max))
                    .isEqualTo(IntStream.range(0, size)
                            .filter(i -> values[i] == falling[0])
                            .findFirst()
                            .orElseThrow());
            for (int rank : new int[] {0, 3, 40, falling.length / 4, falling.length - 1}) {
                float threshold = Math.max(-Float.MAX_VALUE, falling[Math.min(rank, falling.length - 1)]);
                int n = tournament.collect(threshold);
                assertThat(IntStream.range(0, n).map(i -> tournament.positions()[i]))
                        .as("%s, %s, at least %s", kind, size, threshold)
                        .containsExactlyElementsOf(IntStream.range(0, size)
                                .filter(i -> values[i] >= threshold)
                                .boxed()
                                .toList());
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void tournament_boundIsReachedByK(RandomLogits kind) {
        float[] values = kind.of(20_000, new Random(kind.ordinal()));
        tournament.play(values, values.length);
        for (int k = 1; k <= 150; k++) {
            float bound = tournament.reachedBy(k);
            assertThat(bound == Float.NEGATIVE_INFINITY || tournament.collect(bound) >= k)
                    .isTrue();
        }
    }

    /** NaN is left out, -0 equals 0. */
    private static float[] falling(float[] values) {
        double[] rising = IntStream.range(0, values.length)
                .mapToDouble(i -> values[i] + 0.0)
                .filter(v -> v == v)
                .sorted()
                .toArray();
        float[] falling = new float[rising.length];
        for (int i = 0; i < falling.length; i++) {
            falling[i] = (float) rising[rising.length - 1 - i];
        }
        return falling;
    }
}
