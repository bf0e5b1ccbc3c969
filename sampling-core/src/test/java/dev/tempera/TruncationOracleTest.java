package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.processor.EpsilonCutoff;
import dev.tempera.processor.EtaCutoff;
import dev.tempera.processor.PLess;
import dev.tempera.processor.TailFree;
import dev.tempera.processor.TopA;
import dev.tempera.processor.TopH;
import dev.tempera.processor.TopNSigma;
import dev.tempera.processor.TypicalP;
import dev.tempera.processor.Xtc;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The truncations by probability against their definitions, {@link NaiveTruncation}. */
class TruncationOracleTest {
    private static final int[] SIZES = {1, 2, 3, 7, 60, 101, 1000, 9000};
    private static final double[] SHARES = {0, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.9, 0.99, 1};
    /** More than every rounding in the kernels, less than what tells most logits apart. */
    private static final double SLACK = 1e-9;

    /** A processor and what it must keep. */
    private record Case(LogitsProcessor processor, Function<NaiveTruncation, List<Integer>> kept) {}

    private static List<Case> cases(Random random) {
        double share = random.nextInt(3) == 0 ? random.nextDouble() : SHARES[random.nextInt(SHARES.length)];
        double wide = random.nextInt(5) == 0 ? 0 : random.nextDouble() * 4;
        int minKeep = random.nextInt(3) == 0 ? 1 + random.nextInt(5) : 1;
        return List.of(
                new Case(new EpsilonCutoff(share, minKeep), naive -> naive.epsilonCutoff(share, minKeep)),
                new Case(new EtaCutoff(share, minKeep), naive -> naive.etaCutoff(share, minKeep)),
                new Case(new TopA(share, minKeep), naive -> naive.topA(share, minKeep)),
                new Case(new TopNSigma(wide, minKeep), naive -> naive.topNSigma(wide, minKeep)),
                new Case(new TopH(share), naive -> naive.topH(share)),
                typical(share * 0.999, minKeep, Ties.KEEP_ALL),
                typical(share * 0.999, minKeep, Ties.LOWEST_IDS),
                new Case(new TailFree(share, minKeep), naive -> naive.tailFree(share, minKeep)),
                new Case(new PLess(), NaiveTruncation::pLess),
                new Case(new Xtc(1, share / 4, minKeep, List.of(), false), naive -> naive.xtc(share / 4, minKeep)));
    }

    private static Case typical(double p, int minKeep, Ties ties) {
        return new Case(new TypicalP(p, minKeep, ties), naive -> naive.typicalP(p, minKeep, ties));
    }

    /** A case that rounding decides is told by the oracle itself, whose answer hangs on the slack, and left out. */
    @ParameterizedTest
    @EnumSource
    void keepsWhatTheDefinitionKeeps(RandomLogits kind) {
        int compared = 0;
        int undecided = 0;
        for (int size : SIZES) {
            for (int seed = 0; seed < (size < 5000 ? 20 : 2); seed++) {
                Random random = new Random(31L * size + seed);
                float[] logits = kind.of(size, random);
                NaiveTruncation stricter = new NaiveTruncation(logits, SLACK);
                NaiveTruncation laxer = new NaiveTruncation(logits, -SLACK);
                for (Case each : cases(random)) {
                    List<Integer> expected = each.kept.apply(stricter);
                    if (!expected.equals(each.kept.apply(laxer))) {
                        undecided++;
                        continue;
                    }
                    compared++;
                    assertThat(alive(after(logits, each.processor)))
                            .as("%s, %d logits, seed %d", each.processor, size, seed)
                            .isEqualTo(expected);
                }
            }
        }
        assertThat(compared).isGreaterThan(5 * undecided);
    }

    @Test
    void infiniteLogits_stay() {
        float inf = Float.POSITIVE_INFINITY;
        for (Case each : cases(new Random(4))) {
            assertThat(alive(after(new float[] {1, inf, -inf, inf, 5}, each.processor)))
                    .as("%s", each.processor)
                    .containsAnyOf(1, 3)
                    .doesNotContain(2);
        }
    }

    @Test
    void noCandidate_isLeftToTheDraw() {
        for (Case each : cases(new Random(4))) {
            float[] logits = {Float.NaN, Float.NEGATIVE_INFINITY};
            each.processor.process(Logits.wrap(logits), context(2));
            assertThat(logits).as("%s", each.processor).doesNotContain(0f);
        }
    }

    /** What a sequence reuses must not carry over from one position to the next. */
    @Test
    void oneSequence_overManyPositions_isTheSameAsMany() {
        for (int which = 0; which < cases(new Random(1)).size(); which++) {
            LogitsProcessor processor = cases(new Random(1)).get(which).processor;
            SequenceSampler sequence = SamplingPipeline.of(processor).start(new int[0], Vocabulary.ofRows(5000), 1);
            Random random = new Random(2);
            for (int step = 0; step < 20; step++) {
                RandomLogits kind = RandomLogits.values()[step % RandomLogits.values().length];
                float[] logits = kind.of(5000, random);
                assertThat(alive(sequence.process(logits.clone())))
                        .as("%s, step %d", processor, step)
                        .isEqualTo(alive(after(logits, processor)));
            }
        }
    }

    private static SamplingContext context(int rows) {
        return SamplingPipeline.of()
                .start(new int[0], Vocabulary.ofRows(rows), 1)
                .context();
    }

    private static Logits after(float[] logits, LogitsProcessor processor) {
        Logits result = Logits.of(logits);
        processor.process(result, context(logits.length));
        return result;
    }

    private static List<Integer> alive(Logits logits) {
        List<Integer> alive = new ArrayList<>();
        for (int i = 0; i < logits.size(); i++) {
            if (logits.get(i) > Float.NEGATIVE_INFINITY) {
                alive.add(logits.tokenId(i));
            }
        }
        return alive;
    }

    @Test
    void statistics_areThoseOfTheSoftmax() {
        for (RandomLogits kind : RandomLogits.values()) {
            for (int size : new int[] {1, 5, 1000, 9000}) {
                float[] given = kind.of(size, new Random(size));
                Logits logits = Logits.of(given);
                NaiveTruncation naive = new NaiveTruncation(given, 0);
                double entropy = naive.sorted.stream()
                        .mapToDouble(c -> c.p() > 0 ? -c.p() * StrictMath.log(c.p()) : 0)
                        .sum();
                double total = 1 / naive.sorted.get(0).p();
                double[] weights = new double[size];
                logits.weights(weights);

                assertThat(logits.entropy()).as("%s of %d", kind, size).isCloseTo(entropy, within(1e-9));
                assertThat(logits.collisionProbability())
                        .as("%s of %d", kind, size)
                        .isCloseTo(
                                naive.sorted.stream()
                                        .mapToDouble(c -> c.p() * c.p())
                                        .sum(),
                                within(1e-11));
                assertThat(logits.weightSum()).as("%s of %d", kind, size).isCloseTo(total, within(1e-11 * total));
                for (NaiveTruncation.Candidate c : naive.sorted) {
                    assertThat(weights[c.id()]).isCloseTo(c.p() * total, within(1e-12));
                }
                assertThat(IntStream.range(0, size).filter(i -> !(given[i] > Float.NEGATIVE_INFINITY)))
                        .allMatch(i -> weights[i] == 0);
            }
        }
    }

    @Test
    void statistics_ofInfiniteLogits_areThoseOfAnEvenChoice() {
        Logits logits = Logits.of(1, Float.POSITIVE_INFINITY, Float.NaN, Float.POSITIVE_INFINITY);
        double[] weights = new double[4];
        logits.weights(weights);

        assertThat(weights).containsExactly(0, 1, 0, 1);
        assertThat(logits.weightSum()).isEqualTo(2);
        assertThat(logits.entropy()).isEqualTo(StrictMath.log(2));
        assertThat(logits.collisionProbability()).isEqualTo(0.5);
    }

    private static org.assertj.core.data.Offset<Double> within(double bound) {
        return org.assertj.core.api.Assertions.within(bound);
    }
}
