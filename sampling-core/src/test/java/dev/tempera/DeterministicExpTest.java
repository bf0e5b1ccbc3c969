package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DeterministicExpTest {
    /** Every 61st float from -0 down to -45. */
    @Test
    void exp_isWithinItsErrorEverywhere() {
        double worst = 0;
        int last = Float.floatToRawIntBits(-45f);
        for (int bits = Float.floatToRawIntBits(-0x1p-30f); bits <= last; bits += 61) {
            float x = Float.intBitsToFloat(bits);
            double exact = StrictMath.exp(x);
            double error = Math.abs(DeterministicExp.exp(x) - exact) - 0x1p-63;
            worst = Math.max(worst, error / exact);
        }
        assertThat(worst).isLessThan(DrawWeights.WEIGHT_ERROR).isGreaterThan(1e-8);
    }

    @Test
    void exp_ofZero_isOne() {
        assertThat(DeterministicExp.exp(0f)).isEqualTo(1f);
        assertThat(DeterministicExp.exp(-0f)).isEqualTo(1f);
    }

    /** A candidate far below the maximum weighs nothing; -inf and NaN give NaN, which stands for nothing. */
    @Test
    void exp_farBelow_isNeverPositive() {
        for (float x = -45; x > -1e37f; x *= 1.001f) {
            assertThat(DeterministicExp.exp(x) > 0).as("exp(%s)", x).isFalse();
        }
        for (float x : new float[] {-Float.MAX_VALUE, Float.NEGATIVE_INFINITY, Float.NaN}) {
            assertThat(DeterministicExp.exp(x) > 0).as("exp(%s)", x).isFalse();
        }
    }

    /** The first rounds run interpreted, the last ones compiled and vectorised. */
    @Test
    void weights_sameBitsInterpretedAndCompiled() {
        float[] logits = new float[4099];
        Random random = new Random(1);
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) (random.nextGaussian() * 15);
        }
        float[] first = new float[logits.length];
        DeterministicExp.weights(logits, 0, logits.length, 1, 50f, first);
        float[] weights = new float[logits.length];
        for (int round = 0; round < 5000; round++) {
            DeterministicExp.weights(logits, 0, logits.length, 1, 50f, weights);
        }
        assertThat(weights).isEqualTo(first);
    }

    /** Pins the bits: a change here changes what seeds give. */
    @Test
    void exp_golden() {
        float[] weights = new float[64 * 1024];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = DeterministicExp.exp(-i / 1024f * 0.7f);
        }
        assertThat(weights[1024]).isEqualTo(Float.intBitsToFloat(0x3efe406e));
        assertThat(Arrays.hashCode(weights)).isEqualTo(-1051046071);
    }
}
