package dev.tempera.processor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tempera.InvalidParametersException;
import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import dev.tempera.processor.GreenListWatermark.Seeding;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class GreenListWatermarkTest {
    private static final int ROWS = 1000;
    private static final long KEY = 0x5EC2E7L;

    /** From a second implementation, in Python. */
    @Test
    void process_greenTokens_areThoseOfTheFormula() {
        assertThat(green(watermark(0.25, 1, Seeding.LEFTHASH), 7))
                .startsWith(4, 5, 7, 10, 17, 22, 30, 31)
                .hasSize(253);
        assertThat(green(watermark(0.5, 2, Seeding.LEFTHASH), 7, 3)).startsWith(0, 2, 3, 5, 6, 7, 9, 10);
        assertThat(green(watermark(0.25, 3, Seeding.SELFHASH), 9, 7, 3)).startsWith(1, 10, 13, 14, 17, 26, 30, 40);
        assertThat(green(watermark(0.25, 1, Seeding.SELFHASH), 3)).startsWith(1, 6, 13, 17, 19, 20, 30, 36);
    }

    @ParameterizedTest
    @EnumSource
    void process_tokensOfAPosition_areGreenAsOftenAsGamma(Seeding seeding) {
        double gamma = 0.3;
        long all = 0;
        for (int last = 0; last < 200; last++) { // other keys: with selfhash some tokens keep their colour
            all += green(new GreenListWatermark(gamma, 2, KEY + last, 2, seeding), 5, last).length;
        }
        double deviation = Math.sqrt(200 * ROWS * gamma * (1 - gamma));
        assertThat(all).isCloseTo((long) (200 * ROWS * gamma), within((long) (4 * deviation)));
    }

    @Test
    void process_otherContextOrKey_areOtherTokens() {
        GreenListWatermark watermark = watermark(0.5, 1, Seeding.LEFTHASH);
        GreenListWatermark otherKey = new GreenListWatermark(0.5, 2, KEY + 1, 1, Seeding.LEFTHASH);
        int[] one = green(watermark, 1);
        for (int[] other : List.of(green(watermark, 2), green(otherKey, 1))) {
            long common = Arrays.stream(other)
                    .filter(id -> Arrays.binarySearch(one, id) >= 0)
                    .count();
            assertThat((double) common / ROWS).isCloseTo(0.25, within(0.06));
        }
    }

    @Test
    void process_historyShorterThanTheContext_changesNothing() {
        assertThat(green(watermark(0.5, 3, Seeding.LEFTHASH), 1, 2)).isEmpty();
        assertThat(green(watermark(0.5, 3, Seeding.LEFTHASH), 1, 2, 3)).isNotEmpty();
        assertThat(green(watermark(0.5, 3, Seeding.SELFHASH), 1)).isEmpty();
        assertThat(green(watermark(0.5, 3, Seeding.SELFHASH), 1, 2)).isNotEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void detect_markedText_isFoundWithItsKeyAlone(Seeding seeding) {
        GreenListWatermark watermark = watermark(0.25, 2, seeding);
        for (long seed = 0; seed < 25; seed++) {
            int[] text = write(watermark, seed, 200);
            var found = new WatermarkDetector(watermark).detect(text);
            assertThat(found.zScore()).as("seed %d", seed).isGreaterThan(4);
            assertThat(found.pValue()).as("seed %d", seed).isLessThan(1e-5);
            assertThat(found.greenFraction()).as("seed %d", seed).isGreaterThan(0.4);
            var otherKey = new WatermarkDetector(new GreenListWatermark(0.25, 2, KEY + 1, 2, seeding)).detect(text);
            assertThat(otherKey.zScore()).as("seed %d", seed).isBetween(-4.0, 4.0);
        }
    }

    @ParameterizedTest
    @EnumSource
    void detect_otherTexts_areNoneByTheNormalLaw(Seeding seeding) {
        int texts = 1000;
        double sum = 0;
        double squares = 0;
        int unlikely = 0;
        for (long seed = 0; seed < texts; seed++) {
            var detector = new WatermarkDetector(new GreenListWatermark(0.25, 2, KEY + seed, 2, seeding));
            var found = detector.detect(new Random(seed).ints(100, 0, ROWS).toArray());
            sum += found.zScore();
            squares += found.zScore() * found.zScore();
            unlikely += found.pValue() < 0.05 ? 1 : 0;
        }
        assertThat(sum / texts).isCloseTo(0, within(3 / Math.sqrt(texts)));
        assertThat(Math.sqrt(squares / texts)).isCloseTo(1, within(0.08));
        assertThat(unlikely).as("p below 5 %%").isBetween(10, 70);
    }

    @Test
    void detect_repeatedRuns_countOnceIfAsked() {
        int[] text = new int[101];
        for (int i = 0; i < text.length; i++) {
            text[i] = i % 2;
        }
        GreenListWatermark watermark = watermark(0.25, 1, Seeding.LEFTHASH);
        assertThat(new WatermarkDetector(watermark).detect(text).tokens()).isEqualTo(2);
        assertThat(new WatermarkDetector(watermark, false).detect(text).tokens())
                .isEqualTo(100);
    }

    @Test
    void detect_pValue_isTheBinomialTail() {
        for (int tokens = 1; tokens <= 12; tokens++) {
            for (long seed = 0; seed < 40; seed++) {
                int[] text = new Random(seed).ints(tokens + 1, 0, ROWS).toArray();
                var found = new WatermarkDetector(watermark(0.3, 1, Seeding.LEFTHASH), false).detect(text);
                assertThat(found.pValue()).isCloseTo(atLeast(found.green(), tokens, 0.3), within(1e-12));
                assertThat(found.zScore())
                        .isCloseTo((found.green() - 0.3 * tokens) / Math.sqrt(tokens * 0.21), within(1e-12));
            }
        }
    }

    /** Pascal's rule. */
    private static double atLeast(int hits, int tries, double p) {
        if (hits <= 0) {
            return 1;
        }
        return tries == 0 ? 0 : p * atLeast(hits - 1, tries - 1, p) + (1 - p) * atLeast(hits, tries - 1, p);
    }

    @Test
    void detect_veryLongText_hasFiniteFigures() {
        int[] text = new Random(1).ints(200_001, 0, ROWS).toArray();
        var found = new WatermarkDetector(watermark(0.25, 1, Seeding.LEFTHASH), false).detect(text);
        assertThat(found.tokens()).isEqualTo(200_000);
        assertThat(found.zScore()).isBetween(-4.5, 4.5);
        assertThat(found.pValue()).isBetween(0.0, 1.0);
    }

    @Test
    void detect_nothingToCount_isRefused() {
        WatermarkDetector detector = new WatermarkDetector(watermark(0.25, 4, Seeding.LEFTHASH));
        assertThatThrownBy(() -> detector.detect(new int[4]))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("token ids must be more than the 4 that are context alone, got 4");
        WatermarkDetector self = new WatermarkDetector(watermark(0.25, 1, Seeding.SELFHASH));
        assertThatThrownBy(() -> self.detect(new int[0]))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("token ids must be more than the 0 that are context alone, got 0");
        assertThatThrownBy(() -> self.detect(new int[] {1, -1})).hasMessage("token ids must be at least 0, got -1");
    }

    private static GreenListWatermark watermark(double gamma, int contextWidth, Seeding seeding) {
        return new GreenListWatermark(gamma, 2, KEY, contextWidth, seeding);
    }

    /** The tokens that get the bias of 2 after this history. */
    private static int[] green(GreenListWatermark watermark, int... history) {
        float[] logits = new float[ROWS];
        SamplingPipeline.of(watermark)
                .start(history, Vocabulary.ofRows(ROWS), 1)
                .process(logits);
        return IntStream.range(0, ROWS).filter(id -> logits[id] == 2).toArray();
    }

    /** Draws from logits of standard deviation 1. */
    private static int[] write(LogitsProcessor processor, long seed, int tokens) {
        Random random = new Random(seed);
        SequenceSampler sequence =
                SamplingPipeline.of(processor).start(new int[] {1, 2, 3}, Vocabulary.ofRows(ROWS), seed);
        int[] text = new int[tokens];
        for (int i = 0; i < tokens; i++) {
            float[] logits = new float[ROWS];
            for (int id = 0; id < ROWS; id++) {
                logits[id] = (float) random.nextGaussian();
            }
            text[i] = sequence.sample(logits);
        }
        return text;
    }
}
