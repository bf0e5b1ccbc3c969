package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tempera.processor.Temperature;
import dev.tempera.processor.Xtc;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class XtcTest {
    private static final float[] LOGITS = {2, 1.5f, 1, 0, -1, Float.NEGATIVE_INFINITY};

    @Test
    void coin_fallsAsOftenAsItShould_andTheSameOnEveryCall() {
        SequenceSampler sequence = start(new Xtc(0.3, 0.2));
        int excluded = 0;
        for (int position = 0; position < 20_000; position++) {
            boolean gone = sequence.process(LOGITS.clone()).ofToken(0) == Float.NEGATIVE_INFINITY;
            assertThat(sequence.process(LOGITS.clone()).ofToken(0) == Float.NEGATIVE_INFINITY)
                    .isEqualTo(gone);
            excluded += gone ? 1 : 0;
            sequence.accept(position % 5);
        }
        assertThat(excluded / 20_000.0).isCloseTo(0.3, within(0.015));
    }

    /** Four standard deviations of 200,000 draws. */
    @Test
    void coin_drawsFollowTheMarginalisedDistribution() {
        Logits mixture = start(new Xtc(0.4, 0.2, 1, List.of(), true)).process(LOGITS.clone());
        SequenceSampler coin = start(new Xtc(0.4, 0.2));
        int[] counts = new int[LOGITS.length];
        int draws = 200_000;
        for (int i = 0; i < draws; i++) {
            int tokenId = coin.sample(LOGITS.clone());
            counts[tokenId]++;
        }
        double logSumExp = mixture.logSumExp();
        for (int id = 0; id < counts.length; id++) {
            double p = Math.exp(mixture.ofToken(id) - logSumExp);
            assertThat(counts[id] / (double) draws).as("token %d", id).isCloseTo(p, within(4 * Math.sqrt(p / draws)));
        }
    }

    @Test
    void marginalised_isTheMixtureOfBothSides() {
        for (int seed = 0; seed < 300; seed++) {
            Random random = new Random(seed);
            float[] logits = RandomLogits.FLAT.of(2 + random.nextInt(50), random);
            double probability = random.nextDouble();
            double threshold = random.nextDouble() * 0.3;
            double[] before = probabilities(Logits.of(logits));
            double[] fired = probabilities(after(logits, new Xtc(1, threshold)));
            double[] mixture = probabilities(after(logits, new Xtc(probability, threshold, 1, List.of(), true)));
            for (int id = 0; id < logits.length; id++) {
                assertThat(mixture[id])
                        .as("seed %d, token %d", seed, id)
                        .isCloseTo(probability * fired[id] + (1 - probability) * before[id], within(1e-6));
            }
        }
    }

    @Test
    void marginalised_whereWhatStaysIsLessThanADoubleHolds_isTheMixtureStill() {
        Logits mixture = after(new float[] {0, -800}, new Xtc(0.5, 0, 1, List.of(), true));
        assertThat(probabilities(mixture)).containsExactly(new double[] {0.5, 0.5}, within(1e-4));
    }

    @Test
    void marginalised_infinite_stays() {
        float infinite = Float.POSITIVE_INFINITY;
        Logits mixture = after(new float[] {infinite, 1, infinite}, new Xtc(0.5, 0, 1, List.of(), true));
        assertThat(mixture.values()).startsWith(infinite, 1, infinite);
    }

    /** Who counts candidates, as llama.cpp's dynamic temperature does, is not to count what went; a banned one was there. */
    @Test
    void whatGoes_isNoCandidateAnyMore() {
        assertThat(after(LOGITS, new Xtc(1, 0.1)).size()).isEqualTo(LOGITS.length - 2);
        assertThat(after(LOGITS, new Xtc(1, 0.1, 1, List.of(), true)).size()).isEqualTo(LOGITS.length - 2);
        assertThat(after(LOGITS, new Xtc(0.9, 0.1, 1, List.of(), true)).size()).isEqualTo(LOGITS.length);
    }

    @Test
    void probabilityOfTheCoin_isNotTheDraws() {
        // With one random number for both, a coin that falls would leave only draws below its probability.
        SequenceSampler sequence = start(new Xtc(0.5, 0.3), new Temperature(1));
        int[] counts = new int[2];
        for (int i = 0; i < 2000; i++) {
            if (sequence.sample(new float[] {0, 0, -99, -99, -99, -99}) == 0) {
                counts[0]++;
            } else {
                counts[1]++;
            }
        }
        // Half the time the second token alone is left, else both are as likely.
        assertThat(counts[0]).isBetween(425, 575);
    }

    private static SequenceSampler start(LogitsProcessor... processors) {
        return SamplingPipeline.of(processors).start(new int[0], Vocabulary.ofRows(LOGITS.length), 7);
    }

    private static Logits after(float[] logits, LogitsProcessor processor) {
        return SamplingPipeline.of(processor)
                .start(new int[0], Vocabulary.ofRows(logits.length), 1)
                .process(logits.clone());
    }

    private static double[] probabilities(Logits logits) {
        double logSumExp = logits.logSumExp();
        double[] p = new double[logits.vocabularySize()];
        for (int id = 0; id < p.length; id++) {
            p[id] = Math.exp(logits.ofToken(id) - logSumExp);
        }
        return p;
    }
}
