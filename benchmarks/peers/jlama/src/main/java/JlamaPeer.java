import com.github.tjake.jlama.tensor.FloatBufferTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import net.jafama.FastMath;

/**
 * What Jlama does with logits, on its own tensor class: FOLDER STEPS, as in timing.py.
 *
 * <p>{@code AbstractModel.sample} computes the logits from the hidden state before it samples, so it cannot be timed by
 * itself. This is the rest of it, written anew from what its byte code does: the maximum; at temperature 0 that is
 * all; else e^((logit - max) / T) stored and summed, in float, then the first token at which the running sum of quotients
 * reaches the random number. It has no cuts and no penalties: chains C and D alone.
 */
final class JlamaPeer {
    private static final int VECTORS = 16;
    private static final long WARM_UP_NANOS = 1_000_000_000;

    public static void main(String[] args) throws IOException {
        int steps = Integer.parseInt(args[1]);
        for (String shape : new String[] {"flat", "peaked"}) {
            FloatBuffer all = ByteBuffer.wrap(Files.readAllBytes(Path.of(args[0], shape + ".f32")))
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer();
            float[][] inputs = new float[VECTORS][all.capacity() / VECTORS];
            for (float[] input : inputs) {
                all.get(input);
            }
            time("C", shape, inputs, steps, 0);
            time("D", shape, inputs, steps, 0.7f);
        }
    }

    private static void time(String chain, String shape, float[][] inputs, int steps, float temperature) {
        int size = inputs[0].length;
        FloatBuffer buffer = ByteBuffer.allocateDirect(size * Float.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer();
        FloatBufferTensor logits =
                new FloatBufferTensor(buffer, com.github.tjake.jlama.tensor.TensorShape.of(1, size), false);
        Random random = new Random(42);
        long[] nanos = new long[steps];
        long warmUntil = System.nanoTime() + WARM_UP_NANOS;
        int timed = 0;
        for (int i = 0; timed < steps; i++) {
            buffer.put(0, inputs[i % VECTORS]);
            float uniform = random.nextFloat();
            long start = System.nanoTime();
            sink = sample(logits, size, temperature, uniform);
            nanos[timed] = System.nanoTime() - start;
            if (i >= steps && start >= warmUntil) {
                timed++;
            }
        }
        Arrays.sort(nanos);
        System.out.printf(
                Locale.ROOT,
                "{\"impl\":\"Jlama (loop of 0.8.4)\",\"chain\":\"%s\",\"shape\":\"%s\",\"vocab\":%d,\"median_us\":%.1f,\"p99_us\":%.1f}%n",
                chain,
                shape,
                size,
                nanos[steps / 2] / 1e3,
                nanos[steps * 99 / 100] / 1e3);
    }

    private static volatile int sink;

    private static int sample(FloatBufferTensor logits, int size, float temperature, float uniform) {
        double max = Double.NEGATIVE_INFINITY;
        int best = -1;
        for (int i = 0; i < size; i++) {
            float logit = logits.get(0, i);
            if (logit > max) {
                max = logit;
                best = i;
            }
        }
        if (temperature == 0) {
            return best;
        }
        float sum = 0;
        for (int i = 0; i < size; i++) {
            float weight = (float) FastMath.exp((logits.get(0, i) - max) / temperature);
            sum += weight;
            logits.set(weight, 0, i);
        }
        float before = 0;
        for (int i = 0; i < size; i++) {
            before += logits.get(0, i) / sum;
            if (before >= uniform) {
                return i;
            }
        }
        return size - 1;
    }
}
