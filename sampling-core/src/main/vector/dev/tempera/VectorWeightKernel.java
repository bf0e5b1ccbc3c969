package dev.tempera;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link WeightKernel} on the Vector API. Compiled apart, since its module is an incubator's, and loaded by name where
 * that module is there.
 */
final class VectorWeightKernel implements WeightKernel {
    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final int LANES = SPECIES.length();
    private static final int ROUND_BITS = Float.floatToRawIntBits(DeterministicExp.ROUND);
    private static final int ONE_BITS = Float.floatToRawIntBits(1);

    @Override
    public void weights(float[] values, int from, float divisor, float max, float[] weights) {
        if (divisor == 1) {
            for (int i = 0; i < COUNT; i += LANES) {
                exp(FloatVector.fromArray(SPECIES, values, from + i).sub(max)).intoArray(weights, i);
            }
        } else {
            for (int i = 0; i < COUNT; i += LANES) {
                exp(FloatVector.fromArray(SPECIES, values, from + i)
                                .div(divisor)
                                .sub(max))
                        .intoArray(weights, i);
            }
        }
    }

    /*
     * DeterministicExp.exp, operation by operation, but for 2^n: its exponent is the integer that stands in the last bits
     * of n + 1.5 * 2^23. The squarings there give the same power of two. The maximum is one of integers because that of
     * floats costs five instructions, for NaN and for zeros.
     */
    private static FloatVector exp(FloatVector x) {
        FloatVector shifted = x.mul(DeterministicExp.LOG2_E).add(DeterministicExp.ROUND);
        FloatVector n = shifted.sub(DeterministicExp.ROUND);
        FloatVector f = x.sub(n.mul(DeterministicExp.LN2_HIGH)).sub(n.mul(DeterministicExp.LN2_LOW));
        FloatVector p = f.mul(DeterministicExp.C5)
                .add(DeterministicExp.C4)
                .mul(f)
                .add(DeterministicExp.C3)
                .mul(f)
                .add(DeterministicExp.C2)
                .mul(f)
                .add(1)
                .mul(f)
                .add(1);
        IntVector power = shifted.reinterpretAsInts()
                .max(ROUND_BITS - 64)
                .lanewise(VectorOperators.LSHL, 23)
                .add(ONE_BITS);
        return power.reinterpretAsFloats().sub(DeterministicExp.LEAST).mul(p);
    }

    @Override
    public String toString() {
        return "vector (" + SPECIES.vectorBitSize() + " bits)";
    }
}
