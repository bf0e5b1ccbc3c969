package dev.tempera.app;

import dev.tempera.trace.Tracer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Whether a generation is traced, and where the trace goes. */
final class TraceOptions {
    @Option(
            names = "--trace",
            description = "Show how every token came about: rank, probabilities, entropy, what each stage removed.")
    private boolean table;

    @Option(
            names = "--trace-file",
            paramLabel = "FILE",
            description = "Write the trace as JSON lines, for tempera explain.")
    private @Nullable String file;

    @Option(
            names = "--trace-candidates",
            paramLabel = "N",
            description = "How many tokens of each step the trace lists one by one; 20 unless given.")
    private @Nullable Integer candidates;

    boolean showsTable() {
        return table;
    }

    @Nullable
    String file() {
        return file;
    }

    /** 0 for no trace. */
    int candidates() {
        boolean traced = table || file != null;
        if (candidates == null) {
            return traced ? Tracer.CANDIDATES : 0;
        }
        if (!traced) {
            throw new InputException("--trace-candidates needs --trace or --trace-file");
        }
        if (candidates < 1) {
            throw new InputException("--trace-candidates must be at least 1, got " + candidates);
        }
        return candidates;
    }
}
