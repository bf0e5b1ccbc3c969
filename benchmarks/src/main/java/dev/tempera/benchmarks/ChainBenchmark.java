package dev.tempera.benchmarks;

import dev.tempera.Sampler;
import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Ties;
import dev.tempera.TokenScope;
import dev.tempera.Vocabulary;
import dev.tempera.processor.FrequencyPenalty;
import dev.tempera.processor.MinP;
import dev.tempera.processor.PresencePenalty;
import dev.tempera.processor.RepetitionPenalty;
import dev.tempera.processor.Temperature;
import dev.tempera.processor.TopK;
import dev.tempera.processor.TopP;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One step of sampling, chain by chain: processors, draw and accept, over 16 vectors of logits in turn.
 *
 * <pre>
 * mvn -q package -pl benchmarks -am -DskipTests
 * java -cp "benchmarks/target/classes:benchmarks/target/lib/*" org.openjdk.jmh.Main ChainBenchmark -prof gc
 * </pre>
 *
 * <p>Every row includes the copy of the logits, since a step overwrites them; {@code copy} is that alone, the floor of
 * the same run: subtract it to compare with peers that are measured without. {@code naive} computes the chain as a
 * textbook would, dense, in double, sorting where a cut needs an order.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class ChainBenchmark {
    private static final int VECTORS = 16;
    private static final int WINDOW = 64;

    /** A: every usual cut. B: top-p alone, where sorting hurts most. C: greedy. D: no cut at all. */
    public enum Chain {
        A {
            @Override
            SamplingPipeline pipeline() {
                TokenScope scope = TokenScope.PROMPT_AND_GENERATED;
                return SamplingPipeline.of(
                        new RepetitionPenalty(1.1, WINDOW, scope),
                        new FrequencyPenalty(0.1, WINDOW, scope),
                        new PresencePenalty(0.1, WINDOW, scope),
                        new TopK(40, Ties.LOWEST_IDS),
                        new TopP(0.9),
                        new MinP(0.05),
                        new Temperature(0.7));
            }
        },
        B {
            @Override
            SamplingPipeline pipeline() {
                return SamplingPipeline.of(new Temperature(0.7), new TopP(0.9));
            }
        },
        C {
            @Override
            SamplingPipeline pipeline() {
                return SamplingPipeline.builder().sampler(Sampler.GREEDY).build();
            }
        },
        D {
            @Override
            SamplingPipeline pipeline() {
                return SamplingPipeline.of(new Temperature(0.7));
            }
        };

        abstract SamplingPipeline pipeline();
    }

    /** flat: normal * 2. peaked: normal * 2.5 with 50 tokens raised by 5 to 18. */
    public enum Shape {
        flat(2),
        peaked(2.5);

        private final double deviation;

        Shape(double deviation) {
            this.deviation = deviation;
        }

        float[] logits(int vocabulary, Random random) {
            float[] logits = new float[vocabulary];
            for (int i = 0; i < vocabulary; i++) {
                logits[i] = (float) (random.nextGaussian() * deviation);
            }
            for (int i = 0; this == peaked && i < 50; i++) {
                logits[random.nextInt(vocabulary)] += (float) (5 + 13 * random.nextDouble());
            }
            return logits;
        }
    }

    @Param({"152064", "32000"})
    int vocabulary;

    @Param
    Shape shape;

    @Param
    Chain chain;

    private final float[][] inputs = new float[VECTORS][];
    private float[] logits = new float[0];
    private int next;
    private SequenceSampler sampler;
    private NaiveChains naive;

    @Setup
    public void setUp() {
        Random random = new Random(7);
        for (int i = 0; i < VECTORS; i++) {
            inputs[i] = shape.logits(vocabulary, random);
        }
        logits = new float[vocabulary];
        int[] prompt = random.ints(WINDOW, 0, vocabulary).toArray();
        sampler = chain.pipeline().start(prompt, Vocabulary.ofRows(vocabulary), 42);
        naive = new NaiveChains(prompt, 42);
    }

    @Benchmark
    public float[] copy() {
        System.arraycopy(inputs[next++ % VECTORS], 0, logits, 0, vocabulary);
        return logits;
    }

    @Benchmark
    public int tempera() {
        return sampler.sample(copy());
    }

    @Benchmark
    public int naive() {
        return naive.sample(chain, copy());
    }
}
