package dev.tempera.benchmarks.clients;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * One client in a process of its own: {@code Timing CLIENT URI TOKENS STREAMS REPEATS WARM_UP ROUNDS}. In a round every one
 * of the streams is read REPEATS times, by a thread each. Prints the medians of the rounds: tokens a second, and CPU
 * microseconds and allocated bytes per token, of all threads of the process; 0 bytes before JDK 21, which cannot tell.
 */
public final class Timing {
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private Timing() {}

    public static void main(String[] args) throws Exception {
        int tokens = Integer.parseInt(args[2]);
        int streams = Integer.parseInt(args[3]);
        int repeats = Integer.parseInt(args[4]);
        int warmUp = Integer.parseInt(args[5]);
        int rounds = Integer.parseInt(args[6]);
        Client client = Client.of(args[0], URI.create(args[1]), tokens);
        ExecutorService readers = Executors.newFixedThreadPool(streams);
        double[][] figures = new double[3][rounds];
        for (int i = -warmUp; i < rounds; i++) {
            long bytes = -allocated();
            long cpu = SYSTEM.getProcessCpuTime();
            long wall = System.nanoTime();
            round(readers, client, streams, repeats, tokens);
            double all = (double) streams * repeats * tokens;
            double seconds = (System.nanoTime() - wall) / 1e9;
            double cpuMicros = (SYSTEM.getProcessCpuTime() - cpu) / 1e3;
            bytes += allocated();
            if (i >= 0) {
                figures[0][i] = all / seconds;
                figures[1][i] = cpuMicros / all;
                figures[2][i] = bytes / all;
            }
        }
        for (double[] figure : figures) {
            Arrays.sort(figure);
        }
        System.out.printf(
                Locale.ROOT, "%.0f %.2f %.0f%n", figures[0][rounds / 2], figures[1][rounds / 2], figures[2][rounds / 2]);
        System.exit(0);
    }

    private static void round(ExecutorService readers, Client client, int streams, int repeats, int tokens)
            throws Exception {
        List<Future<?>> running = new ArrayList<>();
        for (int i = 0; i < streams; i++) {
            running.add(readers.submit(() -> {
                for (int j = 0; j < repeats; j++) {
                    long characters = client.stream();
                    if (characters != tokens) {
                        throw new IllegalStateException("expected " + tokens + " characters, got " + characters);
                    }
                }
                return null;
            }));
        }
        for (Future<?> each : running) {
            each.get();
        }
    }

    /** By all threads, those that have ended included; -1 before JDK 21, which cannot tell. */
    private static long allocated() {
        try {
            return (long) ThreadMXBean.class.getMethod("getTotalThreadAllocatedBytes").invoke(THREADS);
        } catch (ReflectiveOperationException e) {
            return -1;
        }
    }
}
