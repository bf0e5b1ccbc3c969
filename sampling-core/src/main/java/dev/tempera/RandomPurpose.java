package dev.tempera;

import java.nio.charset.StandardCharsets;

/**
 * What a random number is for. Numbers for different purposes are independent, so that adding a stochastic processor
 * does not change the draw of another. The key is the 64-bit FNV-1a hash of the name's UTF-8 bytes.
 * Immutable and thread-safe.
 */
public record RandomPurpose(String name, long key) {
    /** The draw of the token itself. */
    public static final RandomPurpose DRAW = of("draw");

    /** @throws InvalidParametersException if the key is not the name's */
    public RandomPurpose {
        Require.that(key == hash(name), "key", "be the hash of the name; use RandomPurpose.of", key);
    }

    public static RandomPurpose of(String name) {
        return new RandomPurpose(name, hash(name));
    }

    private static long hash(String name) {
        long hash = 0xcbf29ce484222325L;
        for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
        }
        return hash;
    }
}
