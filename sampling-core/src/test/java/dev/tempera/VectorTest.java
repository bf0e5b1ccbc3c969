package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Runs with the Vector API, whose code must give the bits of the plain loops. */
@EnabledIfSystemProperty(named = "tempera.expect.vector", matches = "true", disabledReason = "needs the Vector API")
class VectorTest {
    @Test
    void vectorCode_isInUse() {
        assertThat(Kernels.inUse()).matches("vector \\(\\d+ bits\\)");
    }

    /** The first rounds run interpreted, the last ones compiled. */
    @ParameterizedTest
    @EnumSource
    void total_sameBitsAsThePlainLoops(RandomLogits kind) {
        Random random = new Random(kind.ordinal());
        DrawWeights plain = new DrawWeights(new Tournament(new KthLargest()), null);
        DrawWeights vector = new DrawWeights(new Tournament(new KthLargest()));
        for (int round = 0; round < 60; round++) {
            float[] values = kind.of(20_000 + random.nextInt(20_000), random);
            float divisor = round % 3 == 0 ? 1 : 0.1f + 2 * random.nextFloat();
            float max = LogitsKernels.max(values, values.length) / divisor;
            if (max < Float.POSITIVE_INFINITY) {
                assertThat(vector.total(values, values.length, divisor, max))
                        .isEqualTo(plain.total(values, values.length, divisor, max));
            }
        }
    }

    /** Every 61st float from -0 down to -200, and what is beyond any weight. */
    @Test
    void weights_sameBitsAsTheScalarExp() {
        float[] values = new float[8192];
        int next = Float.floatToRawIntBits(-0f);
        int last = Float.floatToRawIntBits(-200f);
        while (next <= last) {
            for (int i = 0; i < values.length; i++) {
                values[i] = Float.intBitsToFloat(next);
                next += next > Float.floatToRawIntBits(-0x1p-24f) ? 61 : 1_000_003;
            }
            check(values);
        }
        float[] farthest = {-1e4f, -0x1p22f, -1e7f, -1e20f, -1e37f, -Float.MAX_VALUE, Float.NEGATIVE_INFINITY, Float.NaN
        };
        for (int i = 0; i < values.length; i++) {
            values[i] = farthest[i / 4 % farthest.length];
        }
        check(values);
    }

    private static void check(float[] values) {
        WeightKernel vector = WeightKernel.find();
        assertThat(vector).isNotNull();
        float[] weights = new float[WeightKernel.COUNT];
        vector.weights(values, 0, 1, 0, weights);
        for (int i = 0; i < weights.length; i++) {
            // Nothing tells the two zeros apart that a weight may be. Boxed: NaN equals NaN.
            assertThat((Float) (weights[i] + 0f)).as("weight of %s", values[i]).isEqualTo((Float)
                    (DeterministicExp.exp(values[i]) + 0f));
        }
    }
}
