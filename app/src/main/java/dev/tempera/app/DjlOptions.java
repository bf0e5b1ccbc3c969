package dev.tempera.app;

import dev.tempera.djl.Dtype;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a model runs in this process. */
final class DjlOptions {
    static final List<String> NAMES = List.of("--device", "--dtype", "--context-length", "--threads");

    @Option(names = "--device", paramLabel = "NAME", description = "cpu, gpu or gpu1; the first GPU if there is one.")
    private @Nullable String device;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            converter = DtypeConverter.class,
            description = "Weights in memory as bfloat16, float16 or float32; as they are stored if not given.")
    private @Nullable Dtype dtype;

    @Option(
            names = "--context-length",
            paramLabel = "N",
            description = "Tokens of prompt and text together; as many as the model knows if not given.")
    private @Nullable Integer contextLength;

    @Option(names = "--threads", paramLabel = "N", description = "Threads of one operation on the CPU.")
    private @Nullable Integer threads;

    /** @param folder null for the sample model */
    DjlChoice of(@Nullable Path folder) {
        return new DjlChoice(folder, device, dtype, contextLength, threads);
    }
}
