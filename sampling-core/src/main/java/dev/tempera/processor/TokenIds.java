package dev.tempera.processor;

import dev.tempera.InvalidParametersException;
import dev.tempera.Require;
import dev.tempera.SamplingContext;
import java.util.List;

/** Lists of token ids as users give them: checked as far as is known, then for the vocabulary. */
final class TokenIds {
    private TokenIds() {}

    /**
     * The ids, sorted and distinct.
     *
     * @throws InvalidParametersException if there is none, or one is negative
     */
    static List<Integer> set(String name, List<Integer> tokenIds) {
        List<Integer> sorted = tokenIds.stream().distinct().sorted().toList();
        Require.that(!sorted.isEmpty(), name, "name at least one token", "none");
        Require.that(sorted.get(0) >= 0, name, "be at least 0", sorted.get(0));
        return sorted;
    }

    /** @throws InvalidParametersException if an id has no row in the LM head */
    static int[] of(String name, List<Integer> tokenIds, SamplingContext context) {
        int rows = context.vocabulary().rows();
        for (int tokenId : tokenIds) {
            Require.that(tokenId < rows, name, "be below " + rows, tokenId);
        }
        return array(tokenIds);
    }

    static int[] array(List<Integer> tokenIds) {
        return tokenIds.stream().mapToInt(Integer::intValue).toArray();
    }
}
