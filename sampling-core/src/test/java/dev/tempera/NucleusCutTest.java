package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Cuts where the boundary is hard to tell; {@link RandomPipelinesTest} has the ordinary ones. */
class NucleusCutTest {
    /** Equal logits at p = 1/2, 1/4: the mass before the first one to go is p exactly, which no bound can settle. */
    @ParameterizedTest
    @CsvSource({"2, 0.5, 1", "8, 0.25, 2", "8192, 0.5, 4096", "16384, 0.75, 12288"})
    void equalLogits_lowestIdsStay(int size, double p, int expected) {
        float[] values = new float[size];
        assertThat(nucleus(values, p))
                .isEqualTo(IntStream.range(0, expected).boxed().toList());
    }

    /** p is the mass before some candidate, to the last bit: whether that one stays is decided by rounding. */
    @ParameterizedTest
    @CsvSource({"FLAT, 20000", "PEAKED, 20000", "BFLOAT16, 20000", "NEARLY_EQUAL, 5000", "FLAT, 300", "MASKED, 9000"})
    void pAtABoundary_isDecidedAsByTheDefinition(RandomLogits kind, int size) {
        Random random = new Random(size + kind.ordinal());
        float[] values = kind.of(size, random);
        for (int round = 0; round < 10; round++) {
            double p = new NaiveSampling(values).massBefore(random.nextInt(size / 2));
            for (double near : new double[] {p, Math.nextUp(p), Math.nextDown(p), p + 1e-9, p - 1e-9}) {
                if (near > 0 && near < 1) {
                    NaiveSampling naive = new NaiveSampling(values);
                    naive.topP(near, 1);
                    assertThat(nucleus(values, near)).as("p = %s", near).isEqualTo(naive.alive());
                }
            }
        }
    }

    @Test
    void sameLogits_afterOtherOnes_sameNucleus() {
        Random random = new Random(3);
        float[] flat = RandomLogits.FLAT.of(20_000, random);
        float[] peaked = RandomLogits.PEAKED.of(20_000, random);
        Logits logits = Logits.of(flat);
        logits.retainMass(0.9, 1);
        List<Integer> first = ids(logits);
        logits.reset(peaked.clone());
        logits.retainMass(0.5, 1);
        logits.reset(flat.clone());
        logits.retainMass(0.9, 1);

        assertThat(ids(logits)).isEqualTo(first);
    }

    private static List<Integer> nucleus(float[] values, double p) {
        Logits logits = Logits.of(values);
        logits.retainMass(p, 1);
        return ids(logits);
    }

    private static List<Integer> ids(Logits logits) {
        return IntStream.range(0, logits.size()).mapToObj(logits::tokenId).toList();
    }
}
