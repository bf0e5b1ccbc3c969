package dev.tempera;

/**
 * Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
 *
 * <p>A number depends on (seed, position, purpose) alone: not on what was drawn before, the thread, the batch or the
 * JDK. The two words of the key are the seed's, low word first; the counter's four words are the position's and the
 * purpose's, low word first. The first two output words, the first one high, give 64 bits; the upper 53 of them, times
 * 2<sup>-53</sup>, are the result in [0, 1).
 */
final class CounterRandom {
    private static final long M0 = 0xD2511F53L;
    private static final long M1 = 0xCD9E8D57L;
    private static final int W0 = 0x9E3779B9;
    private static final int W1 = 0xBB67AE85;
    private static final long WORD = 0xFFFFFFFFL;
    private static final double UNIT = 0x1.0p-53;

    private CounterRandom() {}

    static double uniform(long seed, long position, long purpose) {
        return (bits(seed, position, purpose) >>> 11) * UNIT;
    }

    /** The first two of Philox's four output words, the first one in the upper half. */
    static long bits(long key, long counterLow, long counterHigh) {
        int c0 = (int) counterLow;
        int c1 = (int) (counterLow >>> 32);
        int c2 = (int) counterHigh;
        int c3 = (int) (counterHigh >>> 32);
        int k0 = (int) key;
        int k1 = (int) (key >>> 32);
        for (int round = 0; round < 10; round++) {
            long product0 = M0 * (c0 & WORD);
            long product1 = M1 * (c2 & WORD);
            c0 = (int) (product1 >>> 32) ^ c1 ^ k0;
            c1 = (int) product1;
            c2 = (int) (product0 >>> 32) ^ c3 ^ k1;
            c3 = (int) product0;
            k0 += W0;
            k1 += W1;
        }
        return (long) c0 << 32 | (c1 & WORD);
    }
}
