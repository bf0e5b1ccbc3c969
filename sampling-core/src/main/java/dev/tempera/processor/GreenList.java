package dev.tempera.processor;

import dev.tempera.processor.GreenListWatermark.Seeding;

/** Which tokens are green after a context: the formula of {@link GreenListWatermark}. Not thread-safe. */
final class GreenList {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private final long limit;
    private final long start;
    private final boolean self;
    private final long[] hashes; // of the context, for selfhash
    private int size;
    private long seed;

    GreenList(GreenListWatermark watermark) {
        limit = (long) (watermark.gamma() * 0x1p53);
        start = mix(watermark.key() + GOLDEN);
        self = watermark.seeding() == Seeding.SELFHASH;
        hashes = new long[self ? watermark.contextBefore() : 0];
        clear();
    }

    /** Begins another context. */
    void clear() {
        size = 0;
        seed = start;
    }

    /** Appends a token to the context. */
    void add(int tokenId) {
        if (self) {
            hashes[size++] = step(start, tokenId);
        } else {
            seed = step(seed, tokenId);
        }
    }

    boolean contains(int tokenId) {
        return step(self ? least(tokenId) : seed, tokenId) >>> 11 < limit;
    }

    private long least(int tokenId) {
        long least = step(step(start, tokenId), tokenId);
        for (long hash : hashes) {
            long candidate = step(hash, tokenId);
            least = Long.compareUnsigned(candidate, least) < 0 ? candidate : least;
        }
        return least;
    }

    private static long step(long seed, int tokenId) {
        return mix(seed + (tokenId + 1) * GOLDEN);
    }

    private static long mix(long seed) {
        long z = seed;
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }
}
