package dev.tempera.processor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tempera.Logits;
import dev.tempera.SamplingPipeline;
import dev.tempera.Vocabulary;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SkewTest {
    /** The random numbers of a fine grid, raised and looked up as exllamav2 does. */
    @Test
    void distribution_isThatOfARaisedRandomNumber() {
        double[] falling = {0.35, 0.25, 0.2, 0.1, 0.06, 0.04};
        float[] logits = new float[falling.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) Math.log(falling[i]);
        }
        for (double skew : new double[] {-2, -0.3, 0.5, 1, 3}) {
            int grid = 200_000;
            int[] counts = new int[falling.length];
            for (int i = 0; i < grid; i++) {
                double raised = Math.pow((i + 0.5) / grid, Math.exp(-skew));
                int rank = 0;
                for (double sum = falling[0]; sum <= raised && rank < falling.length - 1; sum += falling[++rank]) {}
                counts[rank]++;
            }
            Logits bent = after(logits, skew);
            double logSumExp = bent.logSumExp();
            for (int id = 0; id < falling.length; id++) {
                assertThat(Math.exp(bent.ofToken(id) - logSumExp))
                        .as("skew %s, token %d", skew, id)
                        .isCloseTo(counts[id] / (double) grid, within(2e-5));
            }
        }
    }

    @Test
    void unlikelyTokens_keepTheirShareOfTheTail() {
        // In the tail F is 1 almost, and p becomes a p: nothing is lost to rounding.
        Logits bent = after(new float[] {0, -40, -50}, Math.log(3));

        assertThat(bent.ofToken(1)).isCloseTo((float) (Math.log(3) - 40), within(1e-4f));
        assertThat(bent.ofToken(2)).isCloseTo((float) (Math.log(3) - 50), within(1e-4f));
    }

    @Test
    void orderOfTheCandidates_doesNotMatter() {
        Random random = new Random(1);
        float[] logits = new float[5000];
        float[] reversed = new float[5000];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) random.nextGaussian() * 3;
            reversed[logits.length - 1 - i] = logits[i];
        }
        Logits one = after(logits, 0.7);
        Logits other = after(reversed, 0.7);
        for (int i = 0; i < logits.length; i++) {
            assertThat(other.ofToken(logits.length - 1 - i)).isCloseTo(one.ofToken(i), within(1e-5f));
        }
    }

    private static Logits after(float[] logits, double skew) {
        return SamplingPipeline.of(new Skew(skew))
                .start(new int[0], Vocabulary.ofRows(logits.length), 1)
                .process(logits.clone());
    }
}
