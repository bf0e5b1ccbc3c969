package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LogitsTest {
    private static final float MASKED = Float.NEGATIVE_INFINITY;

    @Test
    void of_copies_andWrapDoesNot() {
        float[] array = {1, 2};
        Logits.of(array).set(0, 9);
        assertThat(array).containsExactly(1, 2);
        Logits.wrap(array).set(0, 9);
        assertThat(array).containsExactly(9, 2);
    }

    @Test
    void ofCandidates_areReadByTokenId() {
        Logits logits = Logits.ofCandidates(new int[] {2, 5, 9}, new float[] {1, 3, 2}, 10);

        assertThat(logits.isDense()).isFalse();
        assertThat(logits.size()).isEqualTo(3);
        assertThat(logits.vocabularySize()).isEqualTo(10);
        assertThat(logits.ofToken(5)).isEqualTo(3);
        assertThat(logits.ofToken(4)).isEqualTo(MASKED);
        assertThat(logits.argmax()).isEqualTo(5);
        assertThat(logits).hasToString("Logits[3 of 10]");
    }

    /** With many candidates the division waits: whatever comes next must not tell. */
    @ParameterizedTest
    @EnumSource
    void divide_thenAnything_isAsIfDividedAtOnce(RandomLogits kind) {
        List<Consumer<Logits>> operations = List.of(
                logits -> logits.retainTop(40, Ties.KEEP_ALL),
                logits -> logits.retainTop(3000, Ties.LOWEST_IDS),
                logits -> logits.retainAtLeast(1.5f),
                logits -> logits.retainAtLeast(logits.max() - 3),
                logits -> logits.retainMass(0.9, 1),
                logits -> logits.retainMass(0.3, 50),
                logits -> logits.retainIf((id, logit) -> logit > 0 || id == 7),
                logits -> logits.set(3, 2),
                logits -> logits.setToken(3, 2),
                logits -> logits.addToToken(3, 2),
                logits -> logits.mask(3),
                logits -> logits.maskAllExcept(new int[] {1, 2, 3, 4999}),
                logits -> logits.scale(1.1f),
                logits -> logits.divide(1.1f),
                logits -> logits.values()[5]++);
        for (Consumer<Logits> operation : operations) {
            float[] values = kind.of(5000, new Random(kind.ordinal()));
            float[] quotients = new float[values.length];
            for (int i = 0; i < values.length; i++) {
                quotients[i] = values[i] / 0.7f;
            }
            Logits atOnce = Logits.wrap(quotients);
            Logits waiting = Logits.wrap(values);
            waiting.divide(0.7f);
            operation.accept(atOnce);
            operation.accept(waiting);

            assertThat(waiting.size()).isEqualTo(atOnce.size());
            assertThat(waiting.max()).isEqualTo(atOnce.max());
            assertThat(IntStream.range(0, atOnce.size()).map(waiting::tokenId))
                    .containsExactlyElementsOf(IntStream.range(0, atOnce.size())
                            .map(atOnce::tokenId)
                            .boxed()
                            .toList());
            assertThat(Arrays.copyOf(waiting.values(), atOnce.size()))
                    .isEqualTo(Arrays.copyOf(atOnce.values(), atOnce.size()));
        }
    }

    @ParameterizedTest
    @EnumSource
    void divide_thenAskAnything_isAsIfDividedAtOnce(RandomLogits kind) {
        List<Function<Logits, Object>> questions = List.of(
                Logits::max,
                Logits::argmax,
                Logits::logSumExp,
                Logits::weightSum,
                Logits::entropy,
                logits -> {
                    double[] weights = new double[logits.size()];
                    logits.weights(weights);
                    return weights;
                },
                logits -> logits.get(5),
                logits -> logits.ofToken(5),
                logits -> logits.draw(0.1),
                logits -> logits.draw(0.7));
        for (Function<Logits, Object> question : questions) {
            float[] values = kind.of(5000, new Random(kind.ordinal()));
            float[] quotients = new float[values.length];
            for (int i = 0; i < values.length; i++) {
                quotients[i] = values[i] / 0.7f;
            }
            Logits waiting = Logits.wrap(values);
            waiting.divide(0.7f);
            assertThat(question.apply(waiting)).isEqualTo(question.apply(Logits.wrap(quotients)));
        }
    }

    @Test
    void reset_afterADivisionThatWaits_forgetsIt() {
        Logits logits = Logits.wrap(new float[5000]);
        logits.divide(2);
        float[] values = new float[5000];
        values[3] = 4;
        logits.reset(values);
        assertThat(logits.max()).isEqualTo(4);
        assertThat(logits.get(3)).isEqualTo(4);
    }

    @Test
    void retainIf_keepsWhatPasses_andAllIfNothingDoes() {
        Logits logits = Logits.of(1, 2, 3, 4);
        logits.retainIf((id, logit) -> false);
        assertThat(logits.size()).isEqualTo(4);
        assertThat(logits.isDense()).isTrue();
        logits.retainIf((id, logit) -> id == 1 || logit == 4);
        assertThat(logits.size()).isEqualTo(2);
        assertThat(logits.tokenId(0)).isEqualTo(1);
        assertThat(logits.tokenId(1)).isEqualTo(3);
    }

    @Test
    void retainAtLeast_aboveAll_keepsTheLargest() {
        Logits logits = Logits.of(1, 4, Float.NaN, 4, MASKED);
        logits.retainAtLeast(100);
        assertThat(logits.size()).isEqualTo(2);
        assertThat(logits.tokenId(0)).isEqualTo(1);
        assertThat(logits.tokenId(1)).isEqualTo(3);
    }

    @Test
    void retainAtLeast_belowAll_dropsOnlyWhatIsNoCandidate() {
        Logits logits = Logits.of(1, MASKED, Float.NaN, -4);
        logits.retainAtLeast(MASKED);
        assertThat(logits.size()).isEqualTo(2);
        assertThat(logits.tokenId(1)).isEqualTo(3);
    }

    @Test
    void narrowedTokens_canBeChangedWithoutEffect() {
        Logits logits = Logits.of(1, 2, 3, 4);
        logits.retainTop(2, Ties.KEEP_ALL);
        logits.setToken(0, 9);
        logits.addToToken(1, 9);
        logits.mask(-3);
        logits.mask(17);
        logits.addToToken(2, 9);
        assertThat(logits.size()).isEqualTo(2);
        assertThat(logits.ofToken(0)).isEqualTo(MASKED);
        assertThat(logits.ofToken(1)).isEqualTo(MASKED);
        assertThat(logits.ofToken(2)).isEqualTo(12);
    }

    @Test
    void maskAllExcept_masksDenseAndNarrowedAlike() {
        Logits dense = Logits.of(1, 2, 3, 4);
        dense.maskAllExcept(new int[] {1, 3});
        assertThat(dense.values()).containsExactly(MASKED, 2, MASKED, 4);

        Logits narrowed = Logits.of(1, 2, 3, 4);
        narrowed.retainTop(2, Ties.KEEP_ALL);
        narrowed.maskAllExcept(new int[] {0, 1, 3});
        assertThat(narrowed.ofToken(2)).isEqualTo(MASKED);
        assertThat(narrowed.ofToken(3)).isEqualTo(4);
    }

    @Test
    void argmax_isTheLowestIdOfTheLargest_andPassesOverNaN() {
        assertThat(Logits.of(Float.NaN, 2, 5, 5).argmax()).isEqualTo(2);
        assertThat(Logits.of(MASKED, Float.POSITIVE_INFINITY).argmax()).isEqualTo(1);
    }

    @Test
    void logSumExp_ofHugeLogits_isFinite() {
        assertThat(Logits.of(1000, 1000).logSumExp()).isEqualTo(1000 + Math.log(2));
        assertThat(Logits.of(-2000, MASKED).logSumExp()).isEqualTo(-2000);
    }

    @Test
    void badArguments_areNamed() {
        assertRefused(Logits::of, "logits must have at least one entry, got none");
        assertRefused(
                () -> Logits.ofCandidates(new int[0], new float[0], 4),
                "logits must have at least one entry, got none");
        assertRefused(
                () -> Logits.ofCandidates(new int[] {1}, new float[] {1, 2}, 4),
                "tokenIds must be as many as logits (2), got 1");
        assertRefused(
                () -> Logits.ofCandidates(new int[] {1, 1}, new float[] {1, 2}, 4),
                "tokenIds[1] must ascend and lie in [0, 4), got 1");
        assertRefused(
                () -> Logits.ofCandidates(new int[] {1, 4}, new float[] {1, 2}, 4),
                "tokenIds[1] must ascend and lie in [0, 4), got 4");
        assertRefused(
                () -> Logits.ofCandidates(new int[] {-1}, new float[] {1}, 4),
                "tokenIds[0] must ascend and lie in [0, 4), got -1");
        assertRefused(() -> Logits.of(1).retainTop(0, Ties.KEEP_ALL), "k must be at least 1, got 0");
        assertRefused(() -> Acceptance.rewind(0), "tokens must be at least 1, got 0");
    }

    private static void assertRefused(ThrowingCallable call, String message) {
        assertThatThrownBy(call).isInstanceOf(InvalidParametersException.class).hasMessage(message);
    }

    @Test
    void noCandidate_saysHowManyAreNaN() {
        String message = "none of the 3 logits is a number above -inf (1 NaN, 2 -inf): either constraints forbid every"
                + " token, or the weights or the data type are wrong";
        Logits logits = Logits.of(MASKED, Float.NaN, MASKED);

        for (ThrowingCallable call :
                new ThrowingCallable[] {logits::argmax, logits::logSumExp, () -> logits.draw(0.5)}) {
            assertThatThrownBy(call).isInstanceOf(InvalidLogitsException.class).hasMessage(message);
        }
    }

    @Test
    void retainTop_exactly_countsMaskedOnes() {
        Logits logits = Logits.of(Float.NEGATIVE_INFINITY, 1, Float.NEGATIVE_INFINITY, Float.NaN, 2);

        logits.retainTop(4, Ties.LOWEST_IDS);
        assertThat(logits.size()).isEqualTo(4);
        assertThat(logits.tokenId(2)).isEqualTo(2);
        assertThat(logits.tokenId(3)).isEqualTo(4);

        logits.retainTop(2, Ties.LOWEST_IDS);
        assertThat(logits.size()).isEqualTo(2);
        assertThat(logits.tokenId(0)).isEqualTo(1);
    }
}
