package dev.tempera.app.process;

import dev.tempera.InvalidParametersException;
import dev.tempera.Logits;
import dev.tempera.LogitsProcessor;
import dev.tempera.Options;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import dev.tempera.TokenHistory;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * {@code WatermarkLogitsProcessor} of transformers, with the green lists that it draws from PyTorch's generator on the
 * CPU; for applications there is {@link dev.tempera.processor.GreenListWatermark}.
 */
record TorchWatermark(double ratio, float bias, long key, boolean selfHash, int contextWidth)
        implements LogitsProcessor {
    private static final BigInteger SEEDS = BigInteger.ONE.shiftLeft(Long.SIZE).subtract(BigInteger.ONE);
    private static final int TABLE = 1_000_003;
    private static final int CANDIDATES = 40;

    static TorchWatermark of(PeerCase peerCase, Options params) {
        int tokens = peerCase.logits().length;
        int vocabulary = params.getInt("vocab_size", tokens);
        Require.that(vocabulary == tokens, "vocab_size", "be the number of logits (" + tokens + ")", vocabulary);
        double ratio = params.getDouble("greenlist_ratio", 0.25);
        Require.that(ratio > 0 && ratio < 1, "greenlist_ratio", "be in (0, 1)", ratio);
        long key = params.get("hashing_key") == null ? 15485863 : params.requireLong("hashing_key");
        Object scheme = params.get("seeding_scheme");
        boolean selfHash = "selfhash".equals(scheme);
        if (!selfHash && scheme != null && !scheme.equals("lefthash")) {
            throw new InvalidParametersException("seeding_scheme must be selfhash or lefthash, got " + scheme);
        }
        Require.that(
                !selfHash || tokens >= CANDIDATES,
                "logits",
                "be at least " + CANDIDATES + " for selfhash, which looks at so many",
                tokens);
        int width = params.getInt("context_width", 1);
        Require.that(width >= 1, "context_width", "be at least 1", width);
        return new TorchWatermark(ratio, (float) params.getDouble("bias", 2), key, selfHash, width);
    }

    @Override
    public void process(Logits logits, SamplingContext context) {
        TokenHistory history = context.history();
        if (history.size() < contextWidth) {
            return;
        }
        int newest = history.get(history.size() - 1);
        int[] green = selfHash
                ? greenCandidates(logits, history)
                : greenList(BigInteger.valueOf(key).multiply(BigInteger.valueOf(newest)), logits.size());
        for (int tokenId : green) {
            logits.addToToken(tokenId, bias);
        }
    }

    private int[] greenList(BigInteger seed, int vocabulary) {
        return new TorchRandom(seed.mod(SEEDS).longValue()).permutation(vocabulary, (int) (vocabulary * ratio));
    }

    /** Of the most likely tokens those that are in the list which they themselves decide, with the tokens before. */
    private int[] greenCandidates(Logits logits, TokenHistory history) {
        int[] table = new TorchRandom(key).permutation(TABLE, TABLE);
        List<Integer> likeliest = IntStream.range(0, logits.size())
                .boxed()
                .sorted((a, b) -> Float.compare(logits.get(b), logits.get(a)))
                .limit(CANDIDATES)
                .toList();
        return likeliest.stream()
                .mapToInt(Integer::intValue)
                .filter(candidate -> {
                    long seed = seed(table, history, candidate);
                    return Arrays.stream(greenList(BigInteger.valueOf(seed), logits.size()))
                            .anyMatch(tokenId -> tokenId == candidate);
                })
                .toArray();
    }

    private long seed(int[] table, TokenHistory history, int candidate) {
        long own = table[candidate % TABLE] + 1;
        long least = key * own * own;
        for (int age = 0; age < contextWidth - 1; age++) {
            long before = table[history.get(history.size() - 1 - age) % TABLE] + 1;
            least = Math.min(least, key * before * own);
        }
        return least;
    }
}
