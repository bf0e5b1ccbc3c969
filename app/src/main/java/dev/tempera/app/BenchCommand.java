package dev.tempera.app;

import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code tempera bench}: what sampling costs on this machine. */
@Command(
        name = "bench",
        description = "Time four chains of sampling, one thread: a JSON line each, with the median in microseconds.",
        sortOptions = false)
final class BenchCommand implements Callable<Integer> {
    /** The chains look back 64 tokens and keep 40. */
    private static final int LEAST_VOCABULARY = 64;

    private static final int MOST_VOCABULARY = 1_000_000;
    private static final int MOST_STEPS = 100_000;
    private static final int MOST_WARM_UP = 60;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(
            names = "--vocab",
            paramLabel = "N",
            split = ",",
            defaultValue = "152064",
            description = "Numbers of logits, separated by commas (default: ${DEFAULT-VALUE}, that of Qwen2.5-7B).")
    private List<Integer> vocabularies = List.of();

    @Option(
            names = "--steps",
            paramLabel = "N",
            defaultValue = "500",
            description = "Timed steps per line, after as many to warm up (default: ${DEFAULT-VALUE}).")
    private int steps;

    @Option(
            names = "--warm-up",
            paramLabel = "SECONDS",
            defaultValue = "1",
            description = "How long every line warms up at least (default: ${DEFAULT-VALUE}).")
    private double warmUp;

    @Override
    public Integer call() {
        for (int vocabulary : vocabularies) {
            requireWithin("--vocab", vocabulary, LEAST_VOCABULARY, MOST_VOCABULARY);
        }
        requireWithin("--steps", steps, 1, MOST_STEPS);
        if (!(warmUp >= 0 && warmUp <= MOST_WARM_UP)) {
            throw new InputException("--warm-up must be from 0 to " + MOST_WARM_UP + " seconds, got " + warmUp);
        }
        new ChainTimings(spec.commandLine().getOut(), steps, (long) (warmUp * 1e9)).run(vocabularies);
        return 0;
    }

    private static void requireWithin(String option, int value, int least, int most) {
        if (value < least || value > most) {
            throw new InputException(option + " must be from " + least + " to " + most + ", got " + value);
        }
    }
}
