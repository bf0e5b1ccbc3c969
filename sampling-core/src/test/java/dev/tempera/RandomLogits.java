package dev.tempera;

import java.util.Random;

/** Logits that have been trouble: ties, masks, bfloat16, huge, nearly equal, peaked, flat. */
enum RandomLogits {
    FLAT {
        @Override
        float next(Random random) {
            return (float) (random.nextGaussian() * 2);
        }
    },
    PEAKED {
        @Override
        float next(Random random) {
            double raised = random.nextInt(1000) == 0 ? 5 + 13 * random.nextDouble() : 0;
            return (float) (random.nextGaussian() * 2.5 + raised);
        }
    },
    BFLOAT16 {
        @Override
        float next(Random random) {
            return Float.intBitsToFloat(Float.floatToRawIntBits(FLAT.next(random)) & 0xffff0000);
        }
    },
    FEW_VALUES {
        @Override
        float next(Random random) {
            return random.nextInt(4) - 1;
        }
    },
    EQUAL {
        @Override
        float next(Random random) {
            return 1.5f;
        }
    },
    MASKED {
        @Override
        float next(Random random) {
            return random.nextInt(3) > 0 ? Float.NEGATIVE_INFINITY : FLAT.next(random);
        }
    },
    /** Long stretches of -inf, as where whole scripts are forbidden. */
    ISLANDS {
        @Override
        float next(Random random) {
            return FLAT.next(random);
        }

        @Override
        float[] of(int size, Random random) {
            float[] logits = super.of(size, random);
            for (int i = 0; i < size; i++) {
                if (i / 700 % 3 != 1 && i != size - 1) {
                    logits[i] = Float.NEGATIVE_INFINITY;
                }
            }
            return logits;
        }
    },
    WIDE {
        @Override
        float next(Random random) {
            return (float) (random.nextGaussian() * 60);
        }
    },
    /** A few stand out so far that nearly nothing is left to the others. */
    DOMINATED {
        @Override
        float next(Random random) {
            return FLAT.next(random) + (random.nextInt(10_000) == 0 ? 40 : 0);
        }
    },
    /** Most of the mass in some thousand of them: too many for a head, too few for a sample. */
    MIDDLING {
        @Override
        float next(Random random) {
            return (float) (random.nextGaussian() + (random.nextInt(100) == 0 ? 8 + random.nextGaussian() : 0));
        }
    },
    NOT_NUMBERS {
        @Override
        float next(Random random) {
            return random.nextInt(5) == 0 ? Float.NaN : FLAT.next(random);
        }
    },
    NEARLY_EQUAL {
        @Override
        float next(Random random) {
            return 20 + random.nextFloat() * 1e-4f;
        }
    },
    HUGE {
        @Override
        float next(Random random) {
            return (float) (random.nextGaussian() * 1e4);
        }
    },
    EXTREME {
        @Override
        float next(Random random) {
            return random.nextInt(50) == 0 ? -Float.MAX_VALUE : (float) (random.nextGaussian() * 1e37);
        }
    },
    SIGNED_ZEROS {
        @Override
        float next(Random random) {
            return random.nextBoolean() ? 0f : random.nextBoolean() ? -0f : -random.nextFloat();
        }
    };

    abstract float next(Random random);

    /** At least one entry is above -inf. */
    float[] of(int size, Random random) {
        float[] logits = new float[size];
        for (int i = 0; i < size; i++) {
            logits[i] = next(random);
        }
        int sure = random.nextInt(size);
        while (!(logits[sure] > Float.NEGATIVE_INFINITY)) {
            logits[sure] = next(random);
        }
        return logits;
    }
}
