package dev.tempera;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tempera.processor.ClassifierFreeGuidance;
import dev.tempera.processor.DynamicTemperature;
import dev.tempera.processor.QuadraticSmoothing;
import dev.tempera.processor.Renormalize;
import dev.tempera.processor.Softcap;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Transforms against their formulas, taken literally, in double with {@link StrictMath}. */
class TransformOracleTest {
    private static final float NEVER = Float.NEGATIVE_INFINITY;

    @ParameterizedTest
    @EnumSource
    void dynamicTemperature(RandomLogits kind) {
        overSeeds(kind, (logits, random) -> {
            double low = random.nextDouble();
            double high = low + random.nextDouble() * 2;
            double exponent = random.nextDouble() * 3;
            boolean countMasked = random.nextBoolean();
            double[] p = softmax(logits);
            double entropy = 0;
            for (double each : p) {
                entropy -= each > 0 ? each * StrictMath.log(each) : 0;
            }
            if (entropy < 1e-8) {
                return; // one token is certain, whatever T; the entropy is known to 1e-9 only
            }
            long n = countMasked
                    ? logits.length
                    : IntStream.range(0, logits.length)
                            .filter(i -> logits[i] > Float.NEGATIVE_INFINITY)
                            .count();
            double temperature =
                    low + (high - low) * StrictMath.pow(Math.min(1, entropy / StrictMath.log(n)), exponent);
            double[] expected = new double[logits.length];
            for (int i = 0; i < expected.length; i++) {
                expected[i] = logits[i] / temperature;
            }
            check(new DynamicTemperature(low, high, exponent, countMasked), logits, expected, 1e-6);
        });
    }

    @ParameterizedTest
    @EnumSource
    void quadraticSmoothing(RandomLogits kind) {
        overSeeds(kind, (logits, random) -> {
            double factor = random.nextDouble() * 3;
            double curve = 1 + random.nextDouble() * 4;
            double k = (3 - curve) / 2;
            double s = (curve - 1) / 2;
            double max = max(logits);
            double[] expected = new double[logits.length];
            for (int i = 0; i < expected.length; i++) {
                double d = logits[i] - max;
                expected[i] = logits[i] == Float.NEGATIVE_INFINITY
                        ? logits[i]
                        : -k * factor * d * d + s * factor * d * d * d + max;
            }
            check(new QuadraticSmoothing(factor, curve), logits, expected, 1e-6);
        });
    }

    @ParameterizedTest
    @EnumSource
    void softcap(RandomLogits kind) {
        overSeeds(kind, (logits, random) -> {
            double cap = 1 + random.nextInt(50);
            double[] expected = new double[logits.length];
            for (int i = 0; i < expected.length; i++) {
                expected[i] = logits[i] == Float.NEGATIVE_INFINITY ? logits[i] : cap * StrictMath.tanh(logits[i] / cap);
            }
            check(new Softcap(cap), logits, expected, 1e-7);
        });
    }

    @ParameterizedTest
    @EnumSource
    void renormalize(RandomLogits kind) {
        overSeeds(kind, (logits, random) -> {
            double logSumExp = new NaiveSampling(logits).logSumExp();
            double[] expected = new double[logits.length];
            for (int i = 0; i < expected.length; i++) {
                expected[i] = logits[i] - logSumExp;
            }
            check(new Renormalize(), logits, expected, 1e-6);
        });
    }

    @ParameterizedTest
    @EnumSource(
            value = RandomLogits.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"NOT_NUMBERS", "EXTREME"}) // overflow: no formula
    void classifierFreeGuidance(RandomLogits kind) {
        overSeeds(kind, (logits, random) -> {
            double scale = random.nextGaussian() * 3;
            float[] negative = kind.of(logits.length, random);
            double c = new NaiveSampling(logits).logSumExp();
            double u = new NaiveSampling(negative).logSumExp();
            double[] expected = new double[logits.length];
            for (int i = 0; i < expected.length; i++) {
                double guided = scale * ((logits[i] - c) - (negative[i] - u)) + (negative[i] - u);
                boolean byNothing = logits[i] == NEVER || negative[i] == NEVER;
                expected[i] = byNothing ? logits[i] - c : guided;
            }
            SequenceSampler sequence = SamplingPipeline.of(new ClassifierFreeGuidance(scale))
                    .start(new int[0], Vocabulary.ofRows(logits.length), 1);
            sequence.provideLogits("negative", negative);
            compare(sequence.process(logits.clone()), expected, 1e-5);
        });
    }

    private static void check(LogitsProcessor processor, float[] logits, double[] expected, double error) {
        SequenceSampler sequence =
                SamplingPipeline.of(processor).start(new int[0], Vocabulary.ofRows(logits.length), 1);
        compare(sequence.process(logits.clone()), expected, error);
    }

    private static void compare(Logits actual, double[] expected, double error) {
        for (int i = 0; i < expected.length; i++) {
            float value = actual.ofToken(i);
            if (Double.isNaN(expected[i])) {
                assertThat(value).isNaN();
            } else if (value != (float) expected[i]) {
                assertThat((double) value)
                        .as("token %d", i)
                        .isCloseTo(expected[i], within(error * Math.max(1, Math.abs(expected[i]))));
            }
        }
    }

    private static double[] softmax(float[] logits) {
        double logSumExp = new NaiveSampling(logits).logSumExp();
        return IntStream.range(0, logits.length)
                .mapToDouble(i -> logits[i] > Float.NEGATIVE_INFINITY ? StrictMath.exp(logits[i] - logSumExp) : 0)
                .toArray();
    }

    private static double max(float[] logits) {
        return IntStream.range(0, logits.length)
                .mapToDouble(i -> Float.isNaN(logits[i]) ? Double.NEGATIVE_INFINITY : logits[i])
                .max()
                .orElseThrow();
    }

    private static void overSeeds(RandomLogits kind, Check check) {
        for (int seed = 0; seed < 20; seed++) {
            Random random = new Random(seed);
            check.run(kind.of(2 + random.nextInt(seed < 18 ? 300 : 9000), random), random);
        }
    }

    @FunctionalInterface
    private interface Check {
        void run(float[] logits, Random random);
    }
}
