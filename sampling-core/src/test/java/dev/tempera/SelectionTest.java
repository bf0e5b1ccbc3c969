package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
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
            float max = tournament.play(values, size, 1);

            assertThat(max == falling[0]).as("max of %s, %s", kind, size).isTrue();
            assertThat(tournament.firstAt(max))
                    .isEqualTo(IntStream.range(0, size)
                            .filter(i -> values[i] == falling[0])
                            .findFirst()
                            .orElseThrow());
            for (int rank : new int[] {0, 3, 40, falling.length / 4, falling.length - 1}) {
                float threshold = Math.max(-Float.MAX_VALUE, falling[Math.min(rank, falling.length - 1)]);
                assertThat(tournament.collectFew(threshold)).isEqualTo(tournament.collect(threshold));
                int n = random.nextBoolean() ? tournament.collectFew(threshold) : tournament.collect(threshold);
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
    void tournament_withADivisor_isTheOneOfTheQuotients(RandomLogits kind) {
        Random random = new Random(kind.ordinal());
        Tournament divided = new Tournament(kthLargest);
        for (float divisor : new float[] {0.7f, 1.9f, 3, 0x1p-20f, 0x1p20f}) {
            int size = 8192 + random.nextInt(20_000);
            float[] values = kind.of(size, random);
            float[] quotients = new float[size];
            for (int i = 0; i < size; i++) {
                quotients[i] = values[i] / divisor;
            }
            float max = tournament.play(quotients, size, 1);
            assertThat(divided.play(values, size, divisor) == max).isTrue();
            for (int k : new int[] {1, 40, 700}) {
                float threshold = Math.max(-Float.MAX_VALUE, tournament.reachedBy(k));
                assertThat(Math.max(-Float.MAX_VALUE, divided.reachedBy(k)) == threshold)
                        .isTrue();
                for (float t : new float[] {threshold, Math.nextUp(threshold), 0f, -1}) {
                    int n = tournament.collect(t);
                    assertThat(divided.collect(t)).isEqualTo(n);
                    assertThat(Arrays.copyOf(divided.positions(), n))
                            .isEqualTo(Arrays.copyOf(tournament.positions(), n));
                }
            }
        }
    }

    /** The bounds hold. */
    @ParameterizedTest
    @EnumSource(
            value = RandomLogits.class,
            names = {"HUGE", "EXTREME"},
            mode = EnumSource.Mode.EXCLUDE)
    void tournament_boundsOfMass(RandomLogits kind) {
        float[] values = kind.of(40_000, new Random(kind.ordinal()));
        float max = tournament.play(values, values.length, 0.7f);
        double bound = tournament.chooseHead(max);
        assertThat(bound)
                .isGreaterThanOrEqualTo(mass(values, max, Float.NEGATIVE_INFINITY, tournament.headThreshold()));

        double total = mass(values, max, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY);
        for (double share : new double[] {0.01, 0.3, 0.6, 0.9, 0.99}) {
            float reached = tournament.thresholdOfMass(share * total, max);
            if (reached > Float.NEGATIVE_INFINITY) {
                assertThat(mass(values, max, reached, Float.POSITIVE_INFINITY))
                        .isGreaterThanOrEqualTo(share * total * 0.999999);
            } else {
                assertThat(share).isGreaterThan(1.0 / 16);
            }
        }
    }

    /** Of the quotients by 0.7 that are at least the one and less than the other. */
    private static double mass(float[] values, float max, float from, float to) {
        double mass = 0;
        for (float value : values) {
            float logit = value / 0.7f;
            if (logit >= from && logit < to) {
                mass += StrictMath.exp((double) logit - max);
            }
        }
        return mass;
    }

    @ParameterizedTest
    @EnumSource
    void tournament_boundIsReachedByK(RandomLogits kind) {
        float[] values = kind.of(20_000, new Random(kind.ordinal()));
        tournament.play(values, values.length, 1);
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
