package dev.tempera.app;

import dev.tempera.djl.DjlEngine;
import dev.tempera.djl.DjlEngineBuilder;
import dev.tempera.djl.Dtype;
import dev.tempera.samplemodel.SampleModel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A model to run in this process, and how. What is null is the engine's own choice.
 *
 * @param folder null for the sample model
 */
record DjlChoice(
        @Nullable Path folder,
        @Nullable String device,
        @Nullable Dtype dtype,
        @Nullable Integer contextLength,
        @Nullable Integer threads)
        implements ModelChoice {
    @Override
    public DjlEngine open() {
        DjlEngineBuilder builder = DjlEngine.builder(folder == null ? SampleModel.path() : folder);
        if (device != null) {
            builder.device(device);
        }
        if (dtype != null) {
            builder.dtype(dtype);
        }
        if (contextLength != null) {
            builder.contextLength(contextLength);
        }
        if (threads != null) {
            builder.threads(threads);
        }
        return builder.open();
    }
}
