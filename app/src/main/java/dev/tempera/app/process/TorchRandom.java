package dev.tempera.app.process;

/**
 * The generator behind {@code torch.Generator} on the CPU: MT19937 of Matsumoto and Nishimura (1998), seeded as theirs
 * with the low 32 bits. Not thread-safe.
 */
final class TorchRandom {
    private static final int SIZE = 624;
    private static final int MIDDLE = 397;

    private final int[] state = new int[SIZE];
    private int next = SIZE;

    TorchRandom(long seed) {
        state[0] = (int) seed;
        for (int i = 1; i < SIZE; i++) {
            state[i] = 1812433253 * (state[i - 1] ^ state[i - 1] >>> 30) + i;
        }
    }

    /** The first entries of {@code torch.randperm(n)}. */
    int[] permutation(int n, int count) {
        int[] entries = new int[n];
        for (int i = 0; i < n; i++) {
            entries[i] = i;
        }
        for (int i = 0; i < Math.min(count, n - 1); i++) {
            int other = i + Integer.remainderUnsigned(nextInt(), n - i);
            int entry = entries[i];
            entries[i] = entries[other];
            entries[other] = entry;
        }
        return java.util.Arrays.copyOf(entries, count);
    }

    private int nextInt() {
        if (next == SIZE) {
            for (int i = 0; i < SIZE; i++) {
                int bits = state[i] & 0x80000000 | state[(i + 1) % SIZE] & 0x7fffffff;
                state[i] = state[(i + MIDDLE) % SIZE] ^ bits >>> 1 ^ (bits & 1) * 0x9908b0df;
            }
            next = 0;
        }
        int y = state[next++];
        y ^= y >>> 11;
        y ^= y << 7 & 0x9d2c5680;
        y ^= y << 15 & 0xefc60000;
        return y ^ y >>> 18;
    }
}
