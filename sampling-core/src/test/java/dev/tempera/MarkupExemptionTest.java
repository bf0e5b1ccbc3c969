package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MarkupExemptionTest {
    private static final Vocabulary TOKEN_ZERO_IS_MARKUP = new Vocabulary() {
        @Override
        public int rows() {
            return 3;
        }

        @Override
        public boolean isToken(int tokenId) {
            return tokenId < 3;
        }

        @Override
        public boolean isMarkup(int tokenId) {
            return tokenId == 0;
        }

        @Override
        public int[] encode(String text) {
            return new int[0];
        }
    };

    @Test
    void process_exempt_leavesMarkupAlone() {
        assertThat(penalised(true)).containsExactly(2f, 1f, 2f);
    }

    @Test
    void process_notExempt_penalisesMarkupAsThePeersDo() {
        assertThat(penalised(false)).containsExactly(1f, 1f, 2f);
    }

    private static float[] penalised(boolean exempt) {
        SequenceSampler sampler = SamplingParameters.builder()
                .repetitionPenalty(2)
                .exemptMarkupFromPenalties(exempt)
                .build()
                .toPipeline()
                .start(new int[] {0, 1, 0}, TOKEN_ZERO_IS_MARKUP, 1);
        return sampler.process(new float[] {2, 2, 2}).values();
    }
}
