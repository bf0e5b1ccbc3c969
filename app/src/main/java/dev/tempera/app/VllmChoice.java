package dev.tempera.app;

import dev.tempera.TemperaException;
import dev.tempera.tokenizer.JinjaChatTemplate;
import dev.tempera.tokenizer.ModelTokenizer;
import dev.tempera.vllm.ChatRendering;
import dev.tempera.vllm.Stepwise;
import dev.tempera.vllm.Timeouts;
import dev.tempera.vllm.VllmEngine;
import dev.tempera.vllm.VllmEngineBuilder;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A vLLM server, or several that serve the same model. What is null is the engine's own choice.
 *
 * @param servers their addresses, at least one
 * @param servedModel of the server's models
 * @param tokenizer the model's folder, to send and receive token ids; null for texts
 * @param stepwise how processors run here that the server does not have; null if they may not
 */
record VllmChoice(
        List<URI> servers,
        @Nullable ApiKey apiKey,
        @Nullable String servedModel,
        @Nullable Path tokenizer,
        @Nullable ChatRendering chatRendering,
        @Nullable Stepwise stepwise,
        Timeouts timeouts)
        implements ModelChoice {
    @Override
    public VllmEngine open() {
        VllmEngineBuilder builder = VllmEngine.builder(
                        servers.get(0), servers.subList(1, servers.size()).toArray(URI[]::new))
                .timeouts(timeouts);
        if (stepwise != null) {
            builder.stepwise(stepwise);
        }
        if (apiKey != null) {
            String key = apiKey.value();
            builder.apiKey(() -> key);
        }
        if (servedModel != null) {
            builder.model(servedModel);
        }
        if (tokenizer != null) {
            builder.tokenizer(ofFolder(tokenizer, ModelTokenizer::open));
        }
        if (chatRendering != null) {
            builder.chatRendering(chatRendering);
        }
        if (tokenizer != null && chatRendering == ChatRendering.LOCAL) {
            builder.chatTemplate(ofFolder(tokenizer, JinjaChatTemplate::open));
        }
        return builder.open();
    }

    private static <T> T ofFolder(Path folder, Function<Path, T> open) {
        try {
            return open.apply(folder);
        } catch (TemperaException e) {
            throw new InputException("--tokenizer: " + e.getMessage());
        }
    }
}
