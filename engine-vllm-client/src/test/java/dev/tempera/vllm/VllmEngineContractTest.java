package dev.tempera.vllm;

import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.Prompt;
import dev.tempera.testkit.GenerationEngineContract;
import dev.tempera.testkit.vllm.FakeVllm;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;

/** The contract, token ids in and out. */
class VllmEngineContractTest extends GenerationEngineContract {
    private final FakeVllm server = FakeVllm.start();

    @Override
    protected GenerationEngine open() {
        return VllmEngine.builder(server.uri()).tokenizer(server.tokenizer()).open();
    }

    @Override
    protected Prompt prompt() {
        return new Prompt.Text("hello");
    }

    @Override
    protected int contextLength() {
        return server.maxModelLength();
    }

    @Override
    protected EngineOptions unsupportedOptions() {
        return EngineOptions.builder().fields(Map.of("documents", List.of())).build(); // of chats alone
    }

    @Override
    protected boolean makesUpASeed() {
        return false;
    }

    @AfterAll
    void stopServer() {
        server.close();
    }
}
