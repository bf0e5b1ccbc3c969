package dev.tempera.testkit;

import dev.tempera.Logits;
import java.util.Arrays;
import java.util.Random;

/** What the contracts feed to processors and samplers, the same for the same seed. */
final class ContractInput {
    private static final int SEEDS = 25;

    private ContractInput() {}

    /** Few different ones, so that they repeat. */
    static int token(long seed, int step) {
        return new Random(31 * seed + step).nextInt(12);
    }

    /** Flat, peaked, with ties as bfloat16 has them, and some masked. */
    static float[] logits(int rows, Random random) {
        float[] logits = new float[rows];
        float spread = new float[] {0.1f, 2, 10}[random.nextInt(3)];
        boolean ties = random.nextBoolean();
        boolean masks = random.nextBoolean();
        for (int i = 0; i < logits.length; i++) {
            float logit = (float) random.nextGaussian() * spread;
            logits[i] = masks && random.nextInt(4) == 0
                    ? Float.NEGATIVE_INFINITY
                    : ties ? Float.intBitsToFloat(Float.floatToIntBits(logit) & 0xFFFF0000) : logit;
        }
        logits[12 + random.nextInt(logits.length - 12)] = spread; // one at least, and no usual stop token
        return logits;
    }

    /** By token id; NaN counts as masked. */
    static float[] dense(Logits logits) {
        float[] dense = new float[logits.vocabularySize()];
        Arrays.fill(dense, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < logits.size(); i++) {
            float logit = logits.get(i);
            dense[logits.tokenId(i)] = Float.isNaN(logit) ? Float.NEGATIVE_INFINITY : logit;
        }
        return dense;
    }

    static void forEachSeed(Check check) {
        for (int seed = 0; seed < SEEDS; seed++) {
            check.run(seed, new Random(seed));
        }
    }

    @FunctionalInterface
    interface Check {
        void run(long seed, Random random);
    }
}
