package dev.tempera.benchmarks;

import dev.tempera.SamplingPipeline;
import dev.tempera.SequenceSampler;
import dev.tempera.Vocabulary;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One step of a batch of 16 rows, each with a sequence of its own, dealt out to some threads. Rows share the pipeline and
 * nothing that is written, so that twice the cores should take half the time.
 *
 * <pre>
 * java -cp "benchmarks/target/classes:benchmarks/target/lib/*" org.openjdk.jmh.Main BatchBenchmark
 * </pre>
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 2)
@Measurement(iterations = 3, time = 2)
@Fork(1)
public class BatchBenchmark {
    private static final int ROWS = 16;
    private static final int VOCABULARY = 152_064;

    @Param({"1", "2"})
    int threads;

    @Param({"A", "B"})
    ChainBenchmark.Chain chain;

    @Param
    ChainBenchmark.Shape shape;

    private final List<Callable<Integer>> shares = new ArrayList<>();
    private ExecutorService pool;

    @Setup
    public void setUp() {
        Random random = new Random(7);
        SamplingPipeline pipeline = chain.pipeline();
        List<Callable<Integer>> rows = new ArrayList<>();
        for (int row = 0; row < ROWS; row++) {
            float[] input = shape.logits(VOCABULARY, random);
            int[] prompt = random.ints(64, 0, VOCABULARY).toArray();
            SequenceSampler sampler = pipeline.start(prompt, Vocabulary.ofRows(VOCABULARY), row);
            float[] logits = new float[VOCABULARY];
            rows.add(() -> {
                System.arraycopy(input, 0, logits, 0, VOCABULARY);
                return sampler.sample(logits);
            });
        }
        for (int thread = 0; thread < threads; thread++) {
            List<Callable<Integer>> own = rows.subList(thread * ROWS / threads, (thread + 1) * ROWS / threads);
            shares.add(() -> {
                int last = 0;
                for (Callable<Integer> row : own) {
                    last = row.call();
                }
                return last;
            });
        }
        pool = Executors.newFixedThreadPool(threads);
    }

    @TearDown
    public void tearDown() {
        pool.shutdownNow();
    }

    @Benchmark
    public int step() throws Exception {
        int last = 0;
        for (Future<Integer> share : pool.invokeAll(shares)) {
            last = share.get();
        }
        return last;
    }
}
