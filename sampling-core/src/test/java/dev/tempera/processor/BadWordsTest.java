package dev.tempera.processor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import org.junit.jupiter.api.Test;

/** Words given as text. */
class BadWordsTest {
    /** As byte-level BPE does it: "ab" is 1, " ab" 2, "c" 3, a space alone 4; so " c" is two tokens. */
    private static final Vocabulary VOCABULARY = new Vocabulary() {
        @Override
        public int rows() {
            return 6;
        }

        @Override
        public boolean isToken(int tokenId) {
            return tokenId < 6;
        }

        @Override
        public int[] encode(String text) {
            return switch (text) {
                case "ab" -> new int[] {1};
                case " ab" -> new int[] {2};
                case "c" -> new int[] {3};
                case " c" -> new int[] {4, 3};
                case "abc" -> new int[] {1, 3};
                case " abc" -> new int[] {2, 3};
                default -> throw new IllegalArgumentException(text);
            };
        }
    };

    @Test
    void word_isForbiddenAtTheStartAndAfterASpace() {
        assertThat(masked(BadWords.of("ab"))).containsExactly(1, 2);
        assertThat(masked(BadWords.of("  ab"))).containsExactly(1, 2);
    }

    @Test
    void word_whoseSpaceIsATokenOfItsOwn_isForbiddenOnce() {
        assertThat(masked(BadWords.of("c"))).containsExactly(3);
    }

    @Test
    void word_ofTwoTokens_isForbiddenAfterItsFirst() {
        assertThat(masked(BadWords.of("abc"))).isEmpty();
        assertThat(masked(BadWords.of("abc"), 1)).containsExactly(3);
        assertThat(masked(BadWords.of("abc"), 2)).containsExactly(3);
        assertThat(masked(BadWords.of("abc"), 1, 5)).isEmpty();
    }

    private static int[] masked(BadWords badWords, int... generated) {
        SequenceSampler sequence = SamplingPipeline.of(badWords).start(new int[0], VOCABULARY, 1);
        for (int tokenId : generated) {
            sequence.accept(tokenId);
        }
        float[] logits = sequence.process(new float[6]).values();
        return java.util.stream.IntStream.range(0, 6)
                .filter(id -> logits[id] == Float.NEGATIVE_INFINITY)
                .toArray();
    }
}
